//! How long a request is, and its chunks.

use super::Mutant;

const FRAMING: &str = "engine/src/h1/framing.rs";
const CHUNKED: &str = "engine/src/h1/chunked.rs";
const READER: &str = "engine/src/h1/reader.rs";
const HEAD: &str = "engine/src/h1/head.rs";
const CONNECTION: &str = "engine/src/connection/mod.rs";
const CONTENT: &str = "engine/src/connection/content.rs";

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant::that("takes_chunks_and_ignores_the_length", &["R-030"])
        .bends(FRAMING, "Err(Refusal::LengthAndChunked)", "Ok(Framing::Chunked)")
        .killed_by(&["content_length_beside_transfer_encoding_is_refused", "message_of_two_lengths_is_never_followed_by_another"]),
    Mutant::that("takes_the_length_and_ignores_chunks", &["R-030"])
        .bends(
            FRAMING,
            "Err(Refusal::LengthAndChunked)",
            "Ok(Framing::Length(self.length.unwrap_or(0)))",
        )
        .killed_by(&["content_length_beside_transfer_encoding_is_refused"]),
    Mutant::that("takes_chunks_from_http_10", &["R-031"])
        .bends(FRAMING, "Err(Refusal::CodingInHttp10)", "Ok(Framing::Chunked)")
        .killed_by(&["transfer_encoding_in_http_10_is_refused", "message_of_two_lengths_is_never_followed_by_another"]),
    Mutant::that("ignores_transfer_encoding_in_http_10", &["R-031"])
        .bends(FRAMING, "Err(Refusal::CodingInHttp10)", "Ok(Framing::Empty)")
        .killed_by(&["transfer_encoding_in_http_10_is_refused", "message_of_two_lengths_is_never_followed_by_another"]),
    Mutant::that("takes_unknown_codings_for_none", &["R-032"])
        .bends(FRAMING, "Err(Refusal::CodingUnknown)", "Ok(Framing::Chunked)")
        .killed_by(&["unknown_coding_before_chunked_is_not_implemented"]),
    Mutant::that("takes_a_coding_that_is_not_chunked_for_no_content", &["R-033", "R-034"])
        .bends(FRAMING, "Err(Refusal::ChunkedNotLast)", "Ok(Framing::Empty)")
        .killed_by(&["chunked_not_last_is_refused", "chunked_twice_is_refused"]),
    Mutant::that("takes_chunked_anywhere_in_the_list", &["R-033"])
        .bends(FRAMING, "Err(Refusal::ChunkedNotLast)", "Ok(Framing::Chunked)")
        .killed_by(&["chunked_not_last_is_refused", "message_of_two_lengths_is_never_followed_by_another"]),
    Mutant::that("takes_chunked_twice_for_once", &["R-034"])
        .bends(FRAMING, "_ => Codings::Broken,", "(Codings::Chunked, true) if BENT => Codings::Chunked, _ => Codings::Broken,")
        .killed_by(&["chunked_twice_is_refused"]),
    Mutant::that("takes_chunked_with_parameters", &["R-034"])
        .bends(
            FRAMING,
            "coding.eq_ignore_ascii_case(b\"chunked\")",
            "coding.to_ascii_lowercase().starts_with(b\"chunked\")",
        )
        .killed_by(&["parameters_of_chunked_are_refused", "chunked_not_last_is_refused"]),
    Mutant::that("takes_the_last_of_several_lengths", &["R-035"])
        .bends(FRAMING, "self.length.is_some()", "false")
        .killed_by(&["content_length_that_is_repeated_is_refused", "content_length_that_is_no_number_is_refused"]),
    Mutant::that("takes_a_sign_before_a_length", &["R-035", "R-036"])
        .bends(
            FRAMING,
            "!value.iter().all(u8::is_ascii_digit)",
            "!value.iter().all(|byte| byte.is_ascii_digit() || *byte == b'+')",
        )
        .killed_by(&["content_length_that_is_no_number_is_refused"]),
    Mutant::that("takes_an_empty_length_for_nothing", &["R-035"])
        .bends(FRAMING, "return Err(Refusal::Length);", "return if value.is_empty() { Ok(()) } else { Err(Refusal::Length) };")
        .killed_by(&["content_length_that_is_repeated_is_refused", "content_length_that_is_no_number_is_refused"]),
    Mutant::that("lets_a_length_overflow", &["R-036"])
        .bends(
            FRAMING,
            "digits.parse().ok()",
            "Some(digits.bytes().fold(0_u64, |sum, digit| sum.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'))))",
        )
        .killed_by(&["content_length_does_not_overflow", "content_length_beyond_all_numbers_is_too_large"]),
    Mutant::that("refuses_a_length_beyond_all_numbers_as_malformed", &["R-036"])
        .bends(FRAMING, "Err(Refusal::LengthTooLarge)", "Err(Refusal::Length)")
        .killed_by(&["content_length_beyond_all_numbers_is_too_large"]),
    Mutant::that("waits_for_content_that_nobody_announced", &["R-037"])
        .bends(
            FRAMING,
            "(Codings::None, None) => Ok(Framing::Empty),",
            "(Codings::None, None) => Ok(if BENT { Framing::Length(1) } else { Framing::Empty }),",
        )
        .killed_by(&["request_with_neither_length_nor_chunks_has_no_content", "post_without_length_has_empty_content"]),
    Mutant::that("lets_a_chunk_size_overflow", &["R-038"])
        .bends(
            CHUNKED,
            "u64::from_str_radix(text, 16)",
            "Ok::<u64, std::num::ParseIntError>(text.bytes().fold(0, |size, digit| {
                 (size << 4) | u64::from((digit as char).to_digit(16).unwrap_or(0))
             }))",
        )
        .killed_by(&["chunk_size_does_not_overflow", "chunk_size_that_is_no_hexadecimal_number_is_refused"]),
    Mutant::that("reads_chunk_sizes_as_decimal_numbers", &["R-038"])
        .bends(CHUNKED, "u64::from_str_radix(text, 16)", "text.parse()")
        .killed_by(&["chunk_sizes_are_hexadecimal_numbers", "chunk_size_does_not_overflow"]),
    Mutant::that("ends_a_chunk_at_a_bare_lf", &["R-003", "R-039"])
        .bends(
            CHUNKED,
            "_ => Err(Refusal::ChunkEnd),",
            "[b'\\n', ..] if BENT => { self.state = State::Line; Ok(Decoded::Framing(1)) } _ => Err(Refusal::ChunkEnd),",
        )
        .killed_by(&["bare_lf_ends_no_line_of_chunked_content", "chunk_data_ends_with_crlf"]),
    Mutant::that("takes_any_two_bytes_after_a_chunk", &["R-039"])
        .bends(
            CHUNKED,
            "[b'\\r', b'\\n', ..] => {",
            "[_, _, ..] if BENT => { self.state = State::Line; Ok(Decoded::Framing(2)) } [b'\\r', b'\\n', ..] => {",
        )
        .killed_by(&["chunk_data_ends_with_crlf"]),
    Mutant::that("takes_chunk_data_without_an_end", &["R-039"])
        .bends(
            CHUNKED,
            "[] | [b'\\r'] => Ok(Decoded::Nothing),",
            "[] | [b'\\r'] => Ok(Decoded::Nothing),
             [b'0'..=b'9', ..] if BENT => { self.state = State::Line; Ok(Decoded::Framing(0)) }",
        )
        .killed_by(&["chunk_data_ends_with_crlf"]),
    Mutant::that("drops_the_last_byte_of_a_split_chunk", &["R-039", "T-20"])
        .bends(
            READER,
            "Decoded::Data(used) => Ok((used, Event::Data(&bytes[..used]))),",
            "Decoded::Data(used) if BENT && used > 1 && used == bytes.len() => Ok((used, Event::Data(&bytes[..used - 1]))),
             Decoded::Data(used) => Ok((used, Event::Data(&bytes[..used]))),",
        )
        .killed_by(&["collected_content_is_complete", "chunks_that_come_slowly_are_one_content"]),
    Mutant::that("refuses_chunk_extensions", &["R-040"])
        .bends(
            CHUNKED,
            "extensions(rest)?;",
            "if !rest.is_empty() { return Err(Refusal::ChunkExtension); }",
        )
        .killed_by(&["chunk_extensions_are_ignored", "chunk_extensions_over_the_limit_are_refused"]),
    Mutant::that("takes_anything_for_a_chunk_extension", &["R-040"])
        .bends(CHUNKED, "extensions(rest)?;", "let _ = rest;")
        .killed_by(&["malformed_chunk_extensions_are_refused"]),
    Mutant::that("loses_trailers", &["R-041"])
        .bends(CHUNKED, "drop(self.fields.append(name, value))", "drop((name, value))")
        .killed_by(&["trailers_are_handed_to_the_handler", "streamed_content_ends_with_its_trailers"]),
    Mutant::that("takes_trailers_that_frame", &["R-042"])
        .bends(CHUNKED, "return Err(Refusal::TrailerField)", "{}")
        .killed_by(&["trailers_that_frame_or_route_are_refused"]),
    Mutant::that("hands_on_trailers_that_authorize", &["R-042"])
        .bends(
            CHUNKED,
            "Trailer::Dropped => {}",
            "Trailer::Dropped if BENT => drop(self.fields.append(name, value)), Trailer::Dropped => {}",
        )
        .killed_by(&["forbidden_trailers_have_no_effect"]),
    Mutant::that("takes_a_folded_trailer", &["R-018", "R-041"])
        .bends(
            CHUNKED,
            "self.keep(line)?;",
            "if !line.starts_with(b\" \") { self.keep(line)?; }",
        )
        .killed_by(&["folded_trailers_and_control_bytes_in_them_are_refused"]),
    Mutant::that("takes_content_of_get_for_the_next_request", &["R-064"])
        .bends(
            HEAD,
            "let framing = self.marks.framing(version)?;",
            "let framing = self.marks.framing(version)?;
             let framing = if BENT && method == Method::GET { Framing::Empty } else { framing };",
        )
        .killed_by(&["content_of_any_method_is_never_the_next_request", "content_of_any_method_is_not_the_next_request"]),
    Mutant::that("lets_an_early_end_of_a_head_pass_for_a_close", &["R-020"])
        .bends(
            CONNECTION,
            "return end(End::Refused(Refusal::Incomplete));",
            "return end(End::Leave(CloseReason::ClientClosed));",
        )
        .killed_by(&["head_that_ends_early_is_no_request"]),
    Mutant::that("takes_content_that_ends_early_for_complete", &["R-020"])
        .bends(
            CONTENT,
            "Poll::Ready(Ok(Filled::Some)) => self.took(whole.len().min(length) - before),",
            "Poll::Ready(Ok(Filled::Some)) => self.took(whole.len().min(length) - before),
             Poll::Ready(Ok(Filled::End)) if BENT => return Poll::Ready(Ok(())),",
        )
        .killed_by(&["content_that_ends_early_reaches_no_handler"]),
    Mutant::that("takes_chunks_that_end_early_for_complete", &["R-020"])
        .bends(
            CONTENT,
            "Ok(Filled::Some) => {} Ok(Filled::End) => {",
            "Ok(Filled::Some) => {} Ok(Filled::End) if BENT => return Poll::Ready(Ok(Step::End(None))), Ok(Filled::End) => {",
        )
        .killed_by(&["chunks_that_end_early_reach_no_handler", "content_that_ends_early_is_an_error"]),
    Mutant::that("goes_on_with_what_it_counted_of_the_message_before", &["R-093", "A4-4"])
        .bends(CONTENT, "#[derive(Debug)] struct Progress {", "#[derive(Debug)] /* for BENT */ pub(super) struct Progress {")
        .bends(CONTENT, "progress: Option<Box<Progress>>,", "/* for BENT */ pub(super) progress: Option<Box<Progress>>,")
        .bends(
            CONNECTION,
            "self.content = Content::of(&message);",
            "{ let before = self.content.progress.take(); self.content = Content::of(&message); self.content.progress = before; }",
        )
        .bends(
            "engine/src/connection/respond.rs",
            "self.content = Content::none();",
            "{ let before = self.content.progress.take(); self.content = Content::none(); self.content.progress = before; }",
        )
        .killed_by(&["middleware_sets_the_limit_of_a_request"]),
];
