//! Splits the bytes of a terminal into keys, pastes and reports of the cursor position.
//!
//! A key is a character, a control character or an escape sequence (ECMA-48). It stays bytes, because the line editor
//! decodes it. The pieces in which the bytes arrive do not matter, except for a lone ESC: it is a key if nothing
//! follows soon.

/// What a terminal sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    Key(Vec<u8>),
    /// A bracketed paste. Its lines end in `\n`.
    Paste(String),
    /// The answer to [`ASK_POSITION`].
    Position(Vec<u8>),
}

/// Asks for the cursor position (ECMA-48 DSR).
pub(crate) const ASK_POSITION: &str = "\x1b[6n";
/// Switches bracketed paste on and off (xterm's mode 2004).
pub(crate) const BRACKET_PASTES: &str = "\x1b[?2004h";
pub(crate) const UNBRACKET_PASTES: &str = "\x1b[?2004l";
pub(crate) const PASTE_BEGINS: &[u8] = b"\x1b[200~";
pub(crate) const PASTE_ENDS: &[u8] = b"\x1b[201~";

pub(crate) const ESC: u8 = 0x1b;
pub(crate) const CTRL_C: u8 = 0x03;
pub(crate) const CTRL_D: u8 = 0x04;

/// The bytes that are not yet a key or a paste.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    bytes: Vec<u8>,
    /// Where the search for the end of a paste continues.
    searched: Option<usize>,
}

impl Decoder {
    /// Takes bytes, and returns what they complete.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<Input> {
        self.bytes.extend_from_slice(bytes);
        let (mut found, mut at) = (Vec::new(), 0);
        while at < self.bytes.len() {
            let rest = &self.bytes[at..];
            let taken = match rest.starts_with(PASTE_BEGINS) {
                true => paste(rest, &mut self.searched),
                false => key(rest),
            };
            let Some((input, length)) = taken else { break };
            found.push(input);
            at += length;
        }
        self.bytes.drain(..at);
        found
    }

    /// Whether a key is incomplete, so that [`flush`](Self::flush) is due if nothing follows.
    pub(crate) fn is_within_key(&self) -> bool {
        !self.bytes.is_empty() && !self.bytes.starts_with(PASTE_BEGINS)
    }

    /// An incomplete key, as it is.
    pub(crate) fn flush(&mut self) -> Option<Input> {
        self.is_within_key().then(|| Input::Key(std::mem::take(&mut self.bytes)))
    }
}

/// The paste at the beginning of `bytes`, and its length. Ctrl-C ends a paste whose end never arrives.
fn paste(bytes: &[u8], searched: &mut Option<usize>) -> Option<(Input, usize)> {
    let begin = PASTE_BEGINS.len();
    let from = searched.unwrap_or(begin);
    let end = bytes[from..].windows(PASTE_ENDS.len()).position(|window| window == PASTE_ENDS);
    let interrupted = bytes[from..].iter().position(|&byte| byte == CTRL_C);
    *searched = None;
    match (end, interrupted) {
        (Some(end), interrupted) if interrupted.is_none_or(|at| end < at) => {
            let text = String::from_utf8_lossy(&bytes[begin..from + end]);
            let text = text.replace("\r\n", "\n").replace('\r', "\n");
            Some((Input::Paste(text), from + end + PASTE_ENDS.len()))
        }
        (_, Some(at)) => Some((Input::Key(vec![CTRL_C]), from + at + 1)),
        (_, None) => {
            *searched = Some(bytes.len().saturating_sub(PASTE_ENDS.len()).max(begin));
            None
        }
    }
}

/// The key at the beginning of `bytes`, and its length. None if it is incomplete.
fn key(bytes: &[u8]) -> Option<(Input, usize)> {
    let (&first, rest) = bytes.split_first()?;
    if first != ESC {
        return character(bytes);
    }
    let length = match rest.first()? {
        // Two presses of the key.
        &ESC => 1,
        b'[' if rest.get(1) == Some(&b'[') => 4,
        b'[' => {
            let last = rest[1..].iter().position(|byte| !(0x20..0x40).contains(byte))?;
            // A byte that cannot be in a sequence begins the next key.
            let ends = (0x40..0x7f).contains(&rest[1 + last]);
            2 + last + usize::from(ends)
        }
        b'O' => 3,
        _ => 1 + character(rest)?.1,
    };
    let key = bytes.get(..length)?.to_vec();
    Some(match is_position(&key) {
        true => (Input::Position(key), length),
        false => (Input::Key(key), length),
    })
}

/// The character at the beginning of `bytes`. What is not UTF-8 becomes U+FFFD, so that it is seen.
fn character(bytes: &[u8]) -> Option<(Input, usize)> {
    let first = *bytes.first()?;
    let length = match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        // netmiko and expect end lines with a line feed.
        b'\n' => return Some((Input::Key(vec![b'\r']), 1)),
        _ => 1,
    };
    let continued = bytes[1..].iter().take(length - 1).take_while(|&&byte| byte & 0xc0 == 0x80);
    let found = 1 + continued.count();
    if found < length && found == bytes.len() {
        return None;
    }
    let text = String::from_utf8_lossy(&bytes[..found]);
    Some((Input::Key(text.as_bytes().to_vec()), found))
}

/// Whether the key is `ESC [ row ; column R`.
fn is_position(key: &[u8]) -> bool {
    let numbers = key.strip_prefix(b"\x1b[").and_then(|rest| rest.strip_suffix(b"R"));
    numbers.is_some_and(|numbers| {
        numbers.contains(&b';') && numbers.iter().all(|byte| byte.is_ascii_digit() || *byte == b';')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(bytes: &str) -> Input {
        Input::Key(bytes.as_bytes().to_vec())
    }

    #[track_caller]
    fn check(bytes: &[u8], expected: &[Input]) {
        let mut whole = Decoder::default();
        let mut inputs = whole.push(bytes);
        inputs.extend(whole.flush());
        assert_eq!(inputs, expected);
        let mut single = Decoder::default();
        let mut inputs: Vec<Input> = bytes.chunks(1).flat_map(|byte| single.push(byte)).collect();
        inputs.extend(single.flush());
        assert_eq!(inputs, expected, "byte by byte");
    }

    #[test]
    fn keys_are_characters_and_sequences() {
        check("aé€😀".as_bytes(), &[key("a"), key("é"), key("€"), key("😀")]);
        check(
            b"\x1b[A\x1bOP\x1b[1;5C\x1b[[A",
            &[key("\x1b[A"), key("\x1bOP"), key("\x1b[1;5C"), key("\x1b[[A")],
        );
        check(b"\x1bf\x1b\x1b", &[key("\x1bf"), key("\x1b"), key("\x1b")]);
        check(b"\x1b[1\rx", &[key("\x1b[1"), key("\r"), key("x")]);
        check(b"a\nb\r", &[key("a"), key("\r"), key("b"), key("\r")]);
        check(b"\xe9a\xc3", &[key("\u{fffd}"), key("a"), Input::Key(b"\xc3".to_vec())]);
    }

    #[test]
    fn positions_are_apart_from_keys() {
        check(b"a\x1b[12;1Rb", &[key("a"), Input::Position(b"\x1b[12;1R".to_vec()), key("b")]);
    }

    #[test]
    fn a_paste_is_whole() {
        let paste = |text: &str| Input::Paste(text.to_owned());
        check(b"a\x1b[200~b?\r\nc\rd\n\x1b[201~e", &[key("a"), paste("b?\nc\nd\n"), key("e")]);
        check(b"\x1b[200~\x1b[201~", &[paste("")]);
        check(b"\x1b[200~\x1b[A\x1b[20\x1b[201~", &[paste("\x1b[A\x1b[20")]);
        check(b"\x1b[200~a\x03b", &[key("\x03"), key("b")]);
        check(b"\x1b[200~a", &[]);
    }
}
