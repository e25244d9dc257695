//! Any bytes, in any pieces, give a message or an error, and never a panic.

use netconf::{Decoder, Framing, Hello, Incoming, Rpc, Selection, Xml, encode};
use proptest::prelude::*;

/// Pieces of messages in the wrong order reach more code than random bytes do.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<&'static [u8]> = vec![
        b"<rpc message-id=\"1\" xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\">",
        b"<rpc-reply xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\">",
        b"<hello xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\">",
        b"</rpc>",
        b"<notification xmlns=\"urn:ietf:params:xml:ns:netconf:notification:1.0\"><eventTime>",
        b"</eventTime><commit xmlns=\"urn:netloom:notifications\">",
        b"</commit></notification>",
        b"<edit-config>",
        b"</edit-config>",
        b"<target><candidate/></target>",
        b"<config>",
        b"</config>",
        b"<a:b xmlns:a=\"u\">",
        b"</a:b>",
        b"<data>",
        b"</data></rpc-reply>",
        b"<",
        b">",
        b"&",
        b"&lt;",
        b"&#",
        b";",
        b"\"",
        b"'",
        b"=",
        b"xmlns",
        b":",
        b"<!DOCTYPE",
        b"<![CDATA[",
        b"]]>",
        b"<?",
        b"?>",
        b"<!--",
        b"-->",
        b"\n#",
        b"##",
        b"4",
        b"0",
        b"\n",
        b"]]>]]>",
        b"\xc3",
        b"\xa9",
        b"\0",
        b"x",
    ];
    let word = prop_oneof![
        4 => proptest::sample::select(words).prop_map(<[u8]>::to_vec),
        1 => proptest::collection::vec(any::<u8>(), 0..8),
    ];
    proptest::collection::vec(word, 0..24).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn bytes(bytes in pieces(), step in 1_usize..9, chunked: bool) {
        let mut decoder = Decoder::with_limit(100);
        if chunked {
            decoder.set_framing(Framing::Chunked);
        }
        for part in bytes.chunks(step) {
            decoder.push(part);
            while let Ok(Some(message)) = decoder.message() {
                prop_assert!(message.len() <= 100);
            }
        }
    }

    #[test]
    fn texts(bytes in pieces()) {
        let text = String::from_utf8_lossy(&bytes);
        if let Ok((_, rpc)) = Rpc::from_xml(&text) {
            let again = Rpc::from_xml(&rpc.to_xml("1"));
            prop_assert_eq!(again.map(|(_, rpc)| rpc), Ok(rpc));
        }
        let _ = Hello::from_xml(&text);
        let read = Incoming::from_message(text.to_string());
        if let Ok(checked) = Incoming::from_xml(&text) {
            prop_assert_eq!(read, Ok(checked));
        }
        let filter = Selection::of(&Xml(text.to_string()));
        let _ = filter.map(|filter| filter.selects(&Xml(text.to_string())));
    }

    #[test]
    fn messages_survive_framing(messages in proptest::collection::vec("[^\\]]{1,40}", 1..5), step in 1_usize..9) {
        for framing in [Framing::EndOfMessage, Framing::Chunked] {
            let mut decoder = Decoder::default();
            decoder.set_framing(framing);
            let bytes: Vec<u8> = messages.iter().flat_map(|text| encode(framing, text)).collect();
            let mut found = Vec::new();
            for part in bytes.chunks(step) {
                decoder.push(part);
                while let Some(message) = decoder.message().unwrap() {
                    found.push(message);
                }
            }
            prop_assert_eq!(&found, &messages);
        }
    }
}
