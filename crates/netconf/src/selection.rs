//! The events that a subscriber selects: a subtree filter (RFC 6241 section 6), which is applied to the XML of each
//! event.
//!
//! An event is selected if the filter leaves any part of it (RFC 5277 section 3.6). It is then sent as a whole.

use crate::error::{ErrorType, RpcError};
use crate::namespace::{BASE, NOTIFICATION};
use crate::xml::{Malformed, Reader, Xml};

/// The maximum size of a filter in bytes. It is stored, and applied to each event.
const LONGEST: usize = 1 << 16;

/// A parsed filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection(Vec<Element>);

/// An element of a filter or of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Element {
    namespace: String,
    name: String,
    /// Whether the element has attributes. Events have no attributes.
    attributed: bool,
    content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    Text(String),
    Children(Vec<Element>),
}

impl Selection {
    /// Reads the content of a `<filter>`.
    pub fn of(filter: &Xml) -> Result<Selection, Box<RpcError>> {
        let refused = |tag: &str, reason: String| {
            let error = RpcError::new(ErrorType::Protocol, tag, format!("<filter>: {reason}"));
            Box::new(error.with_info("bad-element", "filter"))
        };
        if filter.0.len() > LONGEST {
            return Err(refused("too-big", format!("more than {LONGEST} bytes")));
        }
        elements(filter).map(Selection).map_err(|fault| refused("bad-element", fault.to_string()))
    }

    /// Whether the filter leaves any part of this event.
    pub fn selects(&self, event: &Xml) -> bool {
        let events = elements(event).unwrap_or_default();
        events.iter().any(|event| self.0.iter().any(|filter| filter.selects(event)))
    }
}

impl Element {
    fn selects(&self, found: &Element) -> bool {
        // A filter without its own namespace has the namespace of the request, and matches any namespace.
        let any = ["", BASE, NOTIFICATION].contains(&self.namespace.as_str());
        if self.name != found.name || self.attributed || !(any || self.namespace == found.namespace)
        {
            return false;
        }
        match (&self.content, &found.content) {
            (Content::Text(wanted), Content::Text(text)) => wanted == text,
            (Content::Children(wanted), _) if wanted.is_empty() => true,
            (Content::Children(wanted), Content::Children(children)) => {
                let holds = |filter: &Element| children.iter().any(|child| filter.selects(child));
                let is_match = |filter: &&Element| matches!(filter.content, Content::Text(_));
                // All content match nodes must match. Of the other selected nodes, at least one must exist.
                let (matches, others): (Vec<_>, Vec<_>) = wanted.iter().partition(is_match);
                matches.into_iter().all(holds)
                    && (others.is_empty() || others.into_iter().any(holds))
            }
            (Content::Text(_), Content::Children(_)) | (Content::Children(_), Content::Text(_)) => {
                false
            }
        }
    }
}

fn elements(Xml(content): &Xml) -> Result<Vec<Element>, Malformed> {
    let document = format!("<content>{content}</content>");
    let (mut reader, _) = Reader::enter(&document)?;
    let children = children(&mut reader)?;
    reader.finish()?;
    Ok(children)
}

fn children(reader: &mut Reader<'_>) -> Result<Vec<Element>, Malformed> {
    let mut elements = Vec::new();
    while let Some(child) = reader.child()? {
        let mut leaf = reader.clone();
        let content = match leaf.text() {
            Ok(text) => {
                *reader = leaf;
                match text.trim_ascii() {
                    "" => Content::Children(Vec::new()),
                    text => Content::Text(text.to_string()),
                }
            }
            Err(_) => Content::Children(children(reader)?),
        };
        let (namespace, name) = (child.namespace, child.name);
        let attributed = !child.attributes.is_empty();
        elements.push(Element { namespace, name, attributed, content });
    }
    Ok(elements)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notification::{Actor, ConfirmEvent, Event};

    #[track_caller]
    fn check(filter: &str, selected: bool) {
        let filter = filter
            .replace('@', " xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-notifications\"");
        let by = Some(Actor { user: "ann".into(), session: 3 });
        let (event, timeout) = (ConfirmEvent::Start, Some(600));
        let event = Event::ConfirmedCommit { by, event, timeout }.to_xml();
        let selection = Selection::of(&Xml(filter.clone())).unwrap();
        assert_eq!(selection.selects(&event), selected, "{filter}");
    }

    #[test]
    fn an_event_is_selected_where_anything_of_it_is_left() {
        check("", false);
        check("<netconf-confirmed-commit/>", true);
        check("<netconf-confirmed-commit@/>", true);
        check("<netconf-config-change@/>", false);
        check("<netconf-config-change@/><netconf-confirmed-commit@/>", true);
        check("<netconf-confirmed-commit xmlns=\"urn:other\"/>", false);
        check("<netconf-confirmed-commit@ a=\"1\"/>", false);
        let within = |filter: &str, selected| {
            let all = format!("<netconf-confirmed-commit@>{filter}</netconf-confirmed-commit>");
            check(&all, selected);
        };
        within("<username>ann</username>", true);
        within("<username> ann </username>", true);
        within("<username>bob</username>", false);
        within("<username>ann</username><confirm-event>start</confirm-event>", true);
        within("<username>ann</username><confirm-event>cancel</confirm-event>", false);
        within("<timeout/>", true);
        within("<timeout/><killed-by/>", true);
        within("<killed-by/>", false);
        within("<username>ann</username><killed-by/>", false);
        within("<username><x/></username>", false);
    }

    #[test]
    fn what_is_no_xml_is_no_filter() {
        for filter in ["<a>", "text", "<a>text<b/></a>", "<a/></content><b/><content>"] {
            let error = Selection::of(&Xml(filter.into())).unwrap_err();
            assert_eq!(error.tag, "bad-element", "{filter}");
        }
        let long = Xml("<a/>".repeat(LONGEST / 4 + 1));
        assert_eq!(Selection::of(&long).unwrap_err().tag, "too-big");
    }
}
