//! Emits, for each topic that carries several events, the exhaustive enum over them.

use std::collections::BTreeMap;

use eventwright_schema::Diagnostic;

use crate::ir::{Event, Lowered};
use crate::names;
use crate::rust::{Ident, Path, TokenStream, format_ident, quote};

/// Emits one enum a topic with several events.
pub(super) fn enums(lowered: &Lowered, wire: &Path, diagnostics: &mut Vec<Diagnostic>) -> Vec<TokenStream> {
    let Lowered { types, events } = lowered;
    let mut topics: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
    for event in events.iter().filter(|event| !event.is_key) {
        topics.entry(&event.topic).or_default().push(event);
    }
    topics.retain(|_, events| events.len() > 1);
    let mut emitted = Vec::new();
    let mut seen = BTreeMap::new();
    for (topic, on_topic) in topics {
        let name = format_ident!("{}Topic", names::plain(&names::upper_camel(topic)));
        let of_types = types.iter().map(|one| (&one.ident, "shared type", &one.name, &one.diagnostic));
        let of_events = events.iter().map(|one| (&one.ident, "event", &one.name, &one.diagnostic));
        if let Some((_, what, other, place)) = of_types.chain(of_events).find(|(ident, ..)| **ident == name) {
            let message = format!("the topic `{topic}` and the {what} `{other}` are one type `{name}` in Rust");
            diagnostics.push(Diagnostic { message, help: "rename one of them".into(), ..place.clone() });
            continue;
        }
        if let Some(other) = seen.insert(name.to_string(), topic) {
            let message = format!("the topics `{other}` and `{topic}` are one type `{name}` in Rust");
            let first = on_topic.first().map(|event| event.diagnostic.clone());
            diagnostics.extend(first.map(|first| Diagnostic { message, help: "rename one of them".into(), ..first }));
            continue;
        }
        if let Some(event) = on_topic.iter().find(|event| event.ident.as_str() == "Unknown") {
            let message = format!(
                "the event `{}` and what else is on the topic `{topic}` are one variant `Unknown` of `{name}` in Rust",
                event.name
            );
            diagnostics.push(Diagnostic { message, help: "rename the event".into(), ..event.diagnostic.clone() });
            continue;
        }
        emitted.push(topic_enum(topic, &name, &on_topic, wire));
    }
    emitted
}

fn topic_enum(topic: &str, name: &Ident, events: &[&Event], wire: &Path) -> TokenStream {
    let doc = super::doc(&format!("The events of the topic `{topic}`."));
    let variants = events.iter().map(|event| {
        let ident = &event.ident;
        let doc = super::doc(&format!("A record of `{}`.", event.name));
        quote!(#doc #ident(#ident))
    });
    let decoders = events.iter().map(|event| {
        let ident = &event.ident;
        quote! {
            #wire::EventDecoder {
                schema: <#ident as #wire::Event>::SCHEMA,
                writers: <#ident as #wire::Event>::WRITERS,
                decode: |writer, bytes| <#ident as #wire::Event>::decode(writer, bytes).map(Self::#ident),
                decode_with: |transcoder, bytes| {
                    <#ident as #wire::Event>::decode_with(transcoder, bytes).map(Self::#ident)
                },
            }
        }
    });
    quote! {
        #doc
        #[derive(Debug, Clone, PartialEq)]
        pub enum #name {
            #(#variants,)*
            /// A record whose schema is registered but is none of these events.
            Unknown(#wire::RawRecord),
        }

        impl #wire::TopicEvents for #name {
            const TOPIC: &'static str = #topic;
            const DECODERS: &'static [#wire::EventDecoder<Self>] = &[#(#decoders),*];

            fn unknown(record: #wire::RawRecord) -> Self {
                Self::Unknown(record)
            }
        }
    }
}
