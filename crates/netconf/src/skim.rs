//! Finds the end of an element's content quickly.
//!
//! The content of a message can be large, and its recipient parses it completely. Here only the end of the content
//! matters, that the tags match, and that there are no entities other than the predefined ones. Anything else (a
//! comment, a document type or an error) is left to the complete XML reader.

/// The length of the content in bytes, up to the end tag at this depth. None if this scanner cannot determine it,
/// or if elements are nested deeper than `deepest`.
pub(crate) fn content(text: &str, depth: usize, deepest: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut open: Vec<&str> = Vec::new();
    let mut at = 0;
    loop {
        at += bytes[at..].iter().position(|byte| matches!(byte, b'<' | b'&'))?;
        let rest = &text[at..];
        if bytes[at] == b'&' {
            at += ENTITIES.iter().find(|entity| rest.starts_with(**entity))?.len();
            continue;
        }
        let tag = tag(rest)?;
        if bytes[at + 1] == b'/' {
            let Some(opened) = open.pop() else { return Some(at) };
            if tag[2..tag.len() - 1].trim_ascii_end() != opened {
                return None;
            }
        } else if bytes[at + tag.len() - 2] != b'/' {
            let name = tag[1..tag.len() - 1].split(|c: char| c.is_ascii_whitespace()).next()?;
            open.push(name);
        }
        if depth + open.len() > deepest {
            return None;
        }
        at += tag.len();
    }
}

const ENTITIES: [&str; 5] = ["&amp;", "&lt;", "&gt;", "&quot;", "&apos;"];

/// The first tag of `text`, up to its `>`.
fn tag(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    if matches!(bytes.get(1)?, b'!' | b'?') {
        return None;
    }
    let mut end = 1;
    loop {
        end += bytes[end..].iter().position(|byte| matches!(byte, b'>' | b'"' | b'\''))?;
        if bytes[end] == b'>' {
            return Some(&text[..=end]);
        }
        let quote = bytes[end];
        end += bytes[end + 1..].iter().position(|byte| *byte == quote)? + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, content_of: Option<&str>) {
        let length = content(text, 1, 4);
        assert_eq!(length.map(|length| &text[..length]), content_of, "{text}");
    }

    #[test]
    fn content_ends_before_its_end_tag() {
        check("</a>", Some(""));
        check("x</a><b>", Some("x"));
        check("<a>1</a ><b c='>' d=\"'/>\"/>&amp;</a>", Some("<a>1</a ><b c='>' d=\"'/>\"/>&amp;"));
        check("<a><b><c>1</c></b></a></a>", Some("<a><b><c>1</c></b></a>"));
    }

    #[test]
    fn what_is_unusual_or_wrong_is_not_told() {
        let unusual =
            ["<!-- </a> --></a>", "<![CDATA[</a>]]></a>", "<?x?></a>", "&#65;</a>", "&x;</a>"];
        let wrong = ["", "x", "<", "<b", "<b></a>", "<b c=\"></b></a>", "<b></b", "</a", "<é"];
        let deep = ["<a><b><c><d/></c></b></a></a>", "<a><b><c><d></d></c></b></a></a>"];
        unusual.iter().chain(&wrong).for_each(|text| check(text, None));
        check(deep[0], Some("<a><b><c><d/></c></b></a>"));
        check(deep[1], None);
    }
}
