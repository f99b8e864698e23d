//! Choosing a backend by feature or by name.

use std::error::Error;
use std::fmt;

/// Makes `default_server()` and `server_named(name)` out of a list of backends.
///
/// An application expands it once, behind its own features. Features add and never choose: with one
/// backend compiled in it is the default; with several, code or a name chooses, and without a choice
/// the error lists the names.
///
/// ```
/// # mod backend_one {
/// #     use http_server_trait::*;
/// #     pub struct Server(App);
/// #     impl Server { pub fn new() -> Self { Server(App::new()) } }
/// #     #[async_trait]
/// #     impl HttpServer for Server {
/// #         fn app_mut(&mut self) -> &mut App { &mut self.0 }
/// #         fn capabilities(&self) -> Capabilities { Capabilities::all("one") }
/// #         async fn start(&mut self, _: Listen) -> Result<ServerHandle, ListenError> {
/// #             Err(ListenError::new(ListenErrorKind::Unsupported, "anything"))
/// #         }
/// #     }
/// # }
/// # use backend_one as backend_two;
/// http_server_trait::backends! {
///     #[cfg(all())] // in an application: #[cfg(feature = "tokio")]
///     "one" => backend_one::Server,
///     #[cfg(all())]
///     "two" => backend_two::Server,
/// }
///
/// # fn main() {
/// assert_eq!(backend_names(), ["one", "two"]);
/// assert!(server_named("two").is_ok());
/// assert_eq!(
///     default_server().err().unwrap().to_string(),
///     "several backends are compiled in, choose one by its name: one, two",
/// );
/// # }
/// ```
///
/// It defines three functions: `backend_names() -> Vec<&'static str>`,
/// `server_named(&str) -> Result<Box<dyn HttpServer>, ChoiceError>` and
/// `default_server() -> Result<Box<dyn HttpServer>, ChoiceError>`. Each server is made with its `new()`.
#[macro_export]
macro_rules! backends {
    ($($(#[$attribute:meta])* $name:literal => $server:ty),* $(,)?) => {
        /// The names of the backends that are compiled in.
        #[must_use]
        pub fn backend_names() -> ::std::vec::Vec<&'static str> {
            #[allow(unused_mut)]
            let mut names = ::std::vec::Vec::new();
            $( $(#[$attribute])* names.push($name); )*
            names
        }

        /// A server of the backend of this name.
        ///
        /// # Errors
        /// If no such backend is compiled in; the error lists those that are.
        pub fn server_named(
            name: &str,
        ) -> ::std::result::Result<::std::boxed::Box<dyn $crate::HttpServer>, $crate::ChoiceError> {
            $( $(#[$attribute])* if name == $name {
                return ::std::result::Result::Ok(::std::boxed::Box::new(<$server>::new()));
            } )*
            ::std::result::Result::Err($crate::ChoiceError::unknown(name, backend_names()))
        }

        /// A server of the one backend that is compiled in.
        ///
        /// # Errors
        /// If there is none or more than one; the error lists them.
        pub fn default_server(
        ) -> ::std::result::Result<::std::boxed::Box<dyn $crate::HttpServer>, $crate::ChoiceError> {
            match backend_names().as_slice() {
                [only] => server_named(only),
                _ => ::std::result::Result::Err($crate::ChoiceError::unclear(backend_names())),
            }
        }
    };
}

/// No backend could be chosen.
#[derive(Clone, PartialEq, Eq)]
pub struct ChoiceError {
    asked: Option<String>,
    names: Vec<&'static str>,
}

/// What `main` prints of an error that it gives back: so it says what went wrong.
impl fmt::Debug for ChoiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChoiceError({self})")
    }
}

impl ChoiceError {
    /// There is no backend of this name.
    pub fn unknown(asked: &str, names: Vec<&'static str>) -> Self {
        ChoiceError {
            asked: Some(asked.to_owned()),
            names,
        }
    }

    /// There is not exactly one.
    pub fn unclear(names: Vec<&'static str>) -> Self {
        ChoiceError { asked: None, names }
    }

    /// The names that could have been chosen.
    pub fn names(&self) -> &[&'static str] {
        &self.names
    }
}

impl fmt::Display for ChoiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.names.join(", ");
        match (&self.asked, self.names.is_empty()) {
            (_, true) => f.write_str(
                "no backend is compiled in: switch on one of the features `tokio`, `async-std`, `smol`",
            ),
            (Some(asked), _) => write!(f, "there is no backend `{asked}`, but: {names}"),
            (None, _) => {
                write!(f, "several backends are compiled in, choose one by its name: {names}")
            }
        }
    }
}

impl Error for ChoiceError {}
