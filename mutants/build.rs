//! Copies the trait, the engine and the conformance suite into one crate, with the rules of the table bent.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

#[path = "src/edit.rs"]
#[allow(unreachable_pub, reason = "the library has them, too")]
mod edit;
#[path = "src/table/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "the library has it, too")]
mod table;

/// The packages that are copied, by their folders, and the modules that they become.
const PACKAGES: [(&str, &str); 3] = [
    ("http-server-trait", "http_server_trait"),
    ("engine", "http_server_engine"),
    ("conformance", "http_server_conformance"),
];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("bent");
    for feature in ["simulator", "testkit"] {
        println!("cargo::rustc-cfg=feature=\"{feature}\"");
    }
    println!("cargo::rerun-if-changed=src");
    let mut problems = edit::problems(&table::edits());
    let _ = fs::remove_dir_all(&out);
    let mut lib = String::new();
    for (folder, module) in PACKAGES {
        let from = root.join(folder).join("src");
        println!("cargo::rerun-if-changed={}", from.display());
        let mut copy = Copy {
            module,
            root: &root,
            macros: Vec::new(),
            problems: &mut problems,
        };
        let copied = copy.folder(&from, &out.join(module), &mut Vec::new());
        copied.unwrap_or_else(|error| panic!("{}: {error}", from.display()));
        lib.push_str(&format!("pub mod {module};\n"));
    }
    fs::write(out.join("lib.rs"), lib).expect("the folder is there");
    for edit in table::edits() {
        if !root.join(edit.file).is_file() {
            problems.push(format!("{}: there is no file {}", edit.place, edit.file));
        }
    }
    for problem in problems {
        println!("cargo::error={}", problem.replace('\n', " "));
    }
}

/// One package on its way.
struct Copy<'a> {
    module: &'a str,
    root: &'a Path,
    /// Macros that it exports, by the module that they are in.
    macros: Vec<String>,
    problems: &'a mut Vec<String>,
}

impl Copy<'_> {
    /// Copies a folder of sources; `path` is the module that it is.
    fn folder(&mut self, from: &Path, to: &Path, path: &mut Vec<String>) -> io::Result<()> {
        fs::create_dir_all(to)?;
        let mut entries = fs::read_dir(from)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::path);
        let mut own = None;
        for entry in entries {
            let (source, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy().into_owned();
            if source.is_dir() {
                path.push(name.clone());
                self.folder(&source, &to.join(name), path)?;
                path.pop();
            } else if name == "lib.rs" {
                // Last, when it is known which macros the others export.
                own = Some(source);
            } else if let Some(module) = name.strip_suffix(".rs") {
                if module != "mod" {
                    path.push(module.to_owned());
                }
                let text = self.file(&source, path)?;
                if module != "mod" {
                    path.pop();
                }
                fs::write(to.join(name), text)?;
            }
        }
        if let Some(source) = own {
            let mut text = self.file(&source, path)?;
            for exported in &self.macros {
                text.push_str(&format!("pub(crate) use self::{exported};\n"));
            }
            fs::write(to.join("mod.rs"), text)?;
        }
        Ok(())
    }

    /// One file: its tests cut off, its rules bent, its paths those of the one crate.
    fn file(&mut self, source: &Path, path: &[String]) -> io::Result<String> {
        let text = fs::read_to_string(source)?;
        let text = text
            .split("#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or_default();
        let name = source
            .strip_prefix(self.root)
            .unwrap_or(source)
            .to_string_lossy();
        let edits: Vec<_> = table::edits()
            .into_iter()
            .filter(|edit| edit.file == name)
            .collect();
        let text = edit::apply(text, &edits).unwrap_or_else(|problems| {
            self.problems.extend(problems);
            String::new()
        });
        let mut text = self.in_one_crate(&text);
        // A macro that is exported is at the root of its crate, and this is not the root any more.
        while let Some(at) = text.find("#[macro_export]") {
            text.replace_range(at..at + "#[macro_export]".len(), "");
            let rest = text[at..].trim_start();
            let Some(rest) = rest.strip_prefix("macro_rules! ") else {
                continue;
            };
            let end = rest.find([' ', '{']).unwrap_or(rest.len());
            let exported = rest[..end].to_owned();
            text.push_str(&format!("pub(crate) use {exported};\n"));
            self.macros.push(format!("{}::{exported}", path.join("::")));
        }
        Ok(text)
    }

    fn in_one_crate(&self, text: &str) -> String {
        let mut text = edit::replace_path(
            text,
            "crate::",
            &format!("crate::copies::{}::", self.module),
        );
        for (_, module) in PACKAGES {
            let from = format!("{module}::");
            if module != self.module {
                text = edit::replace_path(&text, &from, &format!("crate::copies::{from}"));
            }
        }
        edit::switched(&text)
    }
}
