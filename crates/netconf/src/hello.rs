//! `<hello>`: the capabilities of a peer (RFC 6241 section 8.1).

use crate::capability::{BASE_1_0, BASE_1_1};
use crate::error::{MessageError, RpcError};
use crate::framing::Framing;
use crate::namespace::BASE;
use crate::rpc::Envelope;
use crate::xml::{Malformed, Reader, leaf};

/// `<hello>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The capabilities' URIs.
    pub capabilities: Vec<String>,
    /// Only in the server's hello.
    pub session_id: Option<u32>,
}

impl Hello {
    /// Reads a `<hello>`.
    pub fn from_xml(text: &str) -> Result<Hello, MessageError> {
        read(text).map_err(|fault| MessageError {
            envelope: Envelope::default(),
            error: Box::new(RpcError::malformed(&fault)),
        })
    }

    /// Writes it.
    pub fn to_xml(&self) -> String {
        let mut out = format!("<hello xmlns=\"{BASE}\"><capabilities>");
        for capability in &self.capabilities {
            leaf(&mut out, "capability", capability);
        }
        out += "</capabilities>";
        if let Some(id) = self.session_id {
            leaf(&mut out, "session-id", &id.to_string());
        }
        out + "</hello>"
    }

    /// Whether the peer has this capability, with any parameters.
    pub fn has(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|uri| {
            uri.strip_prefix(capability)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('?'))
        })
    }

    /// The framing after the hellos of `self` and `peer` (RFC 6242 section 4.1). None if they have no common
    /// version of the protocol.
    pub fn framing(&self, peer: &Hello) -> Option<Framing> {
        if self.has(BASE_1_1) && peer.has(BASE_1_1) {
            Some(Framing::Chunked)
        } else if self.has(BASE_1_0) && peer.has(BASE_1_0) {
            Some(Framing::EndOfMessage)
        } else {
            None
        }
    }
}

fn read(text: &str) -> Result<Hello, Malformed> {
    let (mut reader, _) = Reader::enter_base(text, "hello")?;
    let mut hello = Hello { capabilities: Vec::new(), session_id: None };
    let mut listed = false;
    while let Some(child) = reader.child()? {
        match child.name.as_str() {
            "capabilities" => {
                listed = true;
                while let Some(capability) = reader.child()? {
                    if capability.name != "capability" {
                        let reason = format!("<{}> where <capability> is due", capability.name);
                        return Err(reader.malformed(reason));
                    }
                    hello.capabilities.push(reader.text()?.trim().to_string());
                }
            }
            "session-id" => {
                let id = reader.text()?;
                let id = id.trim().parse().ok().filter(|id| *id > 0);
                hello.session_id = Some(id.ok_or_else(|| reader.malformed("no session-id"))?);
            }
            name => return Err(reader.malformed(format!("<{name}> has no place in a <hello>"))),
        }
    }
    if !listed {
        return Err(reader.malformed("a <hello> without <capabilities>"));
    }
    reader.finish()?;
    Ok(hello)
}
