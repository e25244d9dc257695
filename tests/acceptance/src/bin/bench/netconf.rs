//! A NETCONF session over the daemon's socket, in plain text, so that the cost of a client is not
//! measured.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Ends a message of NETCONF 1.0 (RFC 6242, section 4.3).
const END: &[u8] = b"]]>]]>";
const BASE: &str = "urn:ietf:params:xml:ns:netconf:base:1.0";

/// An open session.
#[derive(Debug)]
pub(crate) struct Session {
    stream: UnixStream,
    received: Vec<u8>,
}

impl Session {
    /// Connects, and exchanges hellos.
    pub(crate) fn open(socket: &Path) -> io::Result<Self> {
        let mut session = Self { stream: UnixStream::connect(socket)?, received: Vec::new() };
        session.send(&format!(
            "<hello xmlns=\"{BASE}\"><capabilities><capability>urn:ietf:params:netconf:base:1.0\
             </capability></capabilities></hello>"
        ))?;
        session.receive()?;
        Ok(session)
    }

    /// The answer to an operation, which must not be an error.
    pub(crate) fn call(&mut self, operation: &str) -> io::Result<String> {
        self.send(&format!("<rpc xmlns=\"{BASE}\" message-id=\"1\">{operation}</rpc>"))?;
        let reply = self.receive()?;
        if reply.contains("<rpc-error>") { Err(io::Error::other(reply)) } else { Ok(reply) }
    }

    fn send(&mut self, message: &str) -> io::Result<()> {
        self.stream.write_all(&[message.as_bytes(), END].concat())
    }

    fn receive(&mut self) -> io::Result<String> {
        let mut piece = [0; 16 << 10];
        loop {
            let end = self.received.windows(END.len()).position(|window| window == END);
            if let Some(end) = end {
                let rest = self.received.split_off(end + END.len());
                let message = std::mem::replace(&mut self.received, rest);
                return Ok(String::from_utf8_lossy(&message[..end]).into_owned());
            }
            match self.stream.read(&mut piece)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => self.received.extend(&piece[..length]),
            }
        }
    }
}

/// An edit of the candidate: `verb` (`merge` or `delete`) for one route on a link.
pub(crate) fn edit_route(verb: &str, prefix: &str, nexthop: &str) -> String {
    format!(
        "<edit-config><target><candidate/></target><config>\
         <routes xmlns=\"{ROUTES}\" xmlns:nc=\"{BASE}\"><route nc:operation=\"{verb}\">\
         <prefix>{prefix}</prefix><table>main</table><metric>0</metric><tos>default</tos>\
         <netns>1</netns>{nexthop}</route></routes></config></edit-config>"
    )
}

/// A read of one route, from running or from the kernel.
pub(crate) fn read_route(state: bool, prefix: &str) -> String {
    let filter = format!(
        "<filter type=\"subtree\"><routes xmlns=\"{ROUTES}\"><route><prefix>{prefix}</prefix>\
         </route></routes></filter>"
    );
    match state {
        true => format!("<get>{filter}</get>"),
        false => {
            format!("<get-config><source><running/></source>{filter}</get-config>")
        }
    }
}

const ROUTES: &str = "urn:okda:iproute2:ip:route";
