//! `<rpc-reply>` (RFC 6241 section 4.2).

use crate::error::{MessageError, RpcError};
use crate::namespace::BASE;
use crate::rpc::Envelope;
use crate::xml::{Element, Malformed, Reader, Xml};

/// `<rpc-reply>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// `<ok/>`.
    Ok,
    /// Any other content of the reply, for example `<data>…</data>`.
    Data(Xml),
    /// `<rpc-error>`, one or more.
    Errors(Vec<RpcError>),
}

impl Reply {
    /// Reads an `<rpc-reply>`, and also returns its `message-id`.
    pub fn from_xml(text: &str) -> Result<(Option<String>, Reply), MessageError> {
        let read = || {
            let (reader, root) = Reader::enter(text)?;
            read(reader, &root)
        };
        read().map_err(|fault| MessageError {
            envelope: Envelope::default(),
            error: Box::new(RpcError::malformed(&fault)),
        })
    }

    /// Writes the reply, with the repeated attributes of the request. Data may be large, and is not copied.
    pub fn into_xml(self, envelope: &Envelope) -> String {
        let prefix = &envelope.prefix;
        let mut content = match self {
            Reply::Ok => format!("<{prefix}ok/>"),
            Reply::Data(Xml(data)) => data,
            Reply::Errors(errors) => {
                let mut out = String::new();
                for error in errors {
                    out += &format!("<{prefix}rpc-error>");
                    error.write(&mut out, prefix);
                    out += &format!("</{prefix}rpc-error>");
                }
                out
            }
        };
        let [start, end] = Reply::tags(envelope);
        content.insert_str(0, &start);
        content + &end
    }

    /// The start tag of the reply, with the repeated attributes of the request, and its end tag.
    pub fn tags(Envelope { prefix, attributes }: &Envelope) -> [String; 2] {
        [format!("<{prefix}rpc-reply{attributes}>"), format!("</{prefix}rpc-reply>")]
    }
}

/// Reads a reply that consists of `<data>`. Data may be large: it is not copied, and its recipient checks it. Returns any
/// other message.
pub(crate) fn read_data(mut text: String) -> Result<(Option<String>, Reply), String> {
    let data = || {
        let (reader, root) = Reader::enter_unread(&text).ok()?;
        reader.expect_base(&root, "rpc-reply").ok()?;
        let message_id = root.attribute("message-id").map(str::to_string);
        reader.only_child(&root, "data").map(|(begin, rest)| (message_id, begin, rest))
    };
    let Some((message_id, begin, rest)) = data() else { return Err(text) };
    text.truncate(rest.end);
    text.replace_range(..rest.start, &begin);
    Ok((message_id, Reply::Data(Xml(text))))
}

/// Reads the message whose root element was entered.
pub(crate) fn read(
    mut reader: Reader<'_>,
    root: &Element,
) -> Result<(Option<String>, Reply), Malformed> {
    reader.expect_base(root, "rpc-reply")?;
    let message_id = root.attribute("message-id").map(str::to_string);
    let first = reader.clone().child()?;
    let first = first.filter(|element| element.namespace == BASE).map(|element| element.name);
    let reply = match first.as_deref() {
        Some("ok") => {
            reader.fragment()?;
            Reply::Ok
        }
        Some("rpc-error") => {
            let mut errors = Vec::new();
            while let Some(element) = reader.child()? {
                match element.name.as_str() {
                    "rpc-error" => errors.push(RpcError::read(&mut reader)?),
                    name => return Err(reader.malformed(format!("<{name}> beside <rpc-error>"))),
                }
            }
            Reply::Errors(errors)
        }
        Some(_) | None => Reply::Data(reader.fragment()?),
    };
    reader.finish()?;
    Ok((message_id, reply))
}
