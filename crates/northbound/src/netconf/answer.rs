//! What a session answers to a request. Data is written while it is sent, so that only a few pieces of its text are in
//! memory, however large it is and however slowly the client reads.

use std::io;

use ::netconf::{Envelope, Reply, Xml};
use tokio::sync::mpsc;
use yang::Tree;

use super::blocking::blocking;
use super::connection::Output;

/// The answer to a request.
pub(super) enum Answer {
    Reply(Reply),
    Data(Data),
}

/// The content of `<data>`, in the namespace of the requested operation.
pub(super) struct Data {
    pub(super) tree: Tree,
    pub(super) namespace: &'static str,
    /// The size of what no other session shares, in bytes.
    pub(super) size: usize,
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Answer {
        Answer::Reply(reply)
    }
}

impl Answer {
    /// The memory that it takes until the client has read it, in bytes.
    pub(super) fn size(&self) -> usize {
        match self {
            Answer::Reply(Reply::Ok | Reply::Errors(_)) => 0,
            Answer::Reply(Reply::Data(Xml(text))) => text.len(),
            Answer::Data(data) => data.size,
        }
    }

    /// Sends it, with the repeated attributes of the request.
    pub(super) async fn send(self, envelope: &Envelope, output: &mut Output) -> io::Result<()> {
        match self {
            Answer::Reply(reply) => output.send(&reply.into_xml(envelope)).await,
            Answer::Data(data) => data.send(envelope, output).await,
        }
    }
}

/// How many pieces of text may wait to be sent.
const AHEAD: usize = 2;

/// How much text is sent at once, in bytes.
const PART: usize = 1 << 16;

impl Data {
    async fn send(self, envelope: &Envelope, output: &mut Output) -> io::Result<()> {
        let Data { tree, namespace, .. } = self;
        let [start, end] = Reply::tags(envelope);
        let [data, end_of_data] = Xml::tags("data", namespace);
        let (pieces, mut written) = mpsc::channel(AHEAD);
        let writing = blocking(move || tree.write_xml(false, &mut Pieces(pieces)));
        let mut text = (start + &data).into_bytes();
        while let Some(piece) = written.recv().await {
            text.extend(piece);
            if text.len() >= PART {
                output.send_part(&text).await?;
                text.clear();
            }
        }
        writing.await?;
        text.extend((end_of_data + &end).into_bytes());
        output.send_part(&text).await?;
        output.end().await
    }
}

/// Passes text on as soon as there is room for it. It fails if nobody receives it any more.
struct Pieces(mpsc::Sender<Vec<u8>>);

impl io::Write for Pieces {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(text.to_vec());
        sent.map(|()| text.len()).map_err(|_closed| io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
