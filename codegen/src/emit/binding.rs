//! Emits what binds a type to its schema: the `EventSchema` constant and the `Event` implementation.

use eventwright_schema::Format;

use super::{avro, key, migrate, shared};
use crate::ir::{AvroBody, Body, Event, Key, ProtobufBody, SchemaFacts, TextField, TextForm, Version};
use crate::rust::{Literal, Path, TokenStream, format_ident, quote};

/// Emits the schema's constant and the implementation of `Event`.
pub(super) fn event(event: &Event, version: &Version, wire: &Path) -> TokenStream {
    let root = &version.root;
    let schema = schema(event, version, wire);
    let is_key = event.is_key.then(|| {
        quote!(
            const IS_KEY: bool = true;
        )
    });
    let (key_schema, key) = match &version.key {
        None => (None, None),
        Some(Key::Text(field)) => (None, text_method("key", Some(field), wire)),
        Some(Key::Record(record)) => (Some(key::schema(record, wire)), Some(key::encode(record, wire))),
    };
    let id = text_method("event_id", version.id.as_ref(), wire);
    let (mut writers, codec) = match &version.body {
        Body::Avro(body) => (avro_writers(body, version), avro_codec(wire)),
        Body::Protobuf(body) => (protobuf_writers(event, version, body), protobuf_codec(event, version, body, wire)),
    };
    writers.extend(migrate::writers(event, version));
    let read = match &version.body {
        Body::Avro(body) => {
            let decode = |ty: &TokenStream, index: &TokenStream| quote!(<#ty as #wire::avro::AvroEvent<'a>>::read(#index, reader));
            Some(avro::events(body, version, &migrate::arms(event, version, decode), wire))
        }
        Body::Protobuf(_) => None,
    };
    let migrations = migrate::functions(event, version, wire);
    quote! {
        #schema

        impl #wire::Event for #root {
            const SCHEMA: &'static #wire::EventSchema = &SCHEMA;
            const WRITERS: &'static [&'static #wire::EventSchema] = &[#(#writers),*];
            #is_key
            #key_schema
            #key
            #id
            #codec
        }

        #read
        #(#migrations)*
    }
}

fn schema(event: &Event, version: &Version, wire: &Path) -> TokenStream {
    let SchemaFacts { format, full_name, prefix, subject, text, message_indexes, references, .. } = &version.schema;
    let doc = super::doc(&format!("The schema of version {} of `{}`.", version.number, event.name));
    let (name, topic) = (&event.name, &event.topic);
    let number = Literal::u32_unsuffixed(version.number);
    let format = match format {
        Format::Avro => quote!(Avro),
        Format::Protobuf => quote!(Protobuf),
        Format::Json => quote!(Json),
    };
    let (text, references) = (Literal::raw_string(text), shared::references(references));
    let crc64 = Literal::hexadecimal(version.schema.fingerprint.crc64);
    let canonical = Literal::hexadecimal(version.schema.canonical_fingerprint);
    let sha256 = Literal::byte_string(&version.schema.fingerprint.sha256);
    let indexes = message_indexes.iter().map(|index| Literal::u32_unsuffixed(*index));
    quote! {
        #doc
        pub static SCHEMA: #wire::EventSchema = #wire::EventSchema {
            event: #name,
            version: #number,
            format: #wire::Format::#format,
            full_name: #full_name,
            prefix: #prefix,
            topic: #topic,
            subject: #subject,
            text: #text,
            references: #references,
            fingerprint: #crc64,
            sha256: *#sha256,
            canonical_fingerprint: #canonical,
            message_indexes: &[#(#indexes),*],
        };
    }
}

fn text_method(name: &str, field: Option<&TextField>, wire: &Path) -> Option<TokenStream> {
    let TextField { ident, form, optional } = field?;
    let name = format_ident!("{name}");
    let cow = quote!(::std::borrow::Cow);
    let text = |value: TokenStream, reference: TokenStream| match form {
        TextForm::Borrowed => quote!(#cow::Borrowed(#reference.as_str())),
        TextForm::Display => quote!(#cow::Owned(::std::string::ToString::to_string(#reference))),
        TextForm::Symbol => quote!(#cow::Borrowed(#reference.as_str())),
        TextForm::EnumName(path) => quote!(#wire::proto::enum_text::<#path>(#value)),
    };
    let body = if *optional {
        let text = text(quote!(*value), quote!(value));
        quote!(self.#ident.as_ref().map(|value| #text))
    } else {
        // Method calls borrow by themselves, functions need the reference.
        let reference = match form {
            TextForm::Display => quote!(&self.#ident),
            _ => quote!(self.#ident),
        };
        let text = text(quote!(self.#ident), reference);
        quote!(::core::option::Option::Some(#text))
    };
    Some(quote! {
        fn #name(&self) -> ::core::option::Option<#cow<'_, str>> {
            #body
        }
    })
}

fn avro_writers(body: &AvroBody, version: &Version) -> Vec<TokenStream> {
    let schema = |writer: &crate::ir::Writer| {
        let module = &writer.module;
        if writer.version == version.number { quote!(&SCHEMA) } else { quote!(&super::#module::SCHEMA) }
    };
    body.writers.iter().map(schema).collect()
}

fn avro_codec(wire: &Path) -> TokenStream {
    quote! {
        fn encode(&self, out: &mut ::std::vec::Vec<u8>) -> ::core::result::Result<(), #wire::EncodeError> {
            #wire::avro::encode_into(self, out)
        }

        fn decode(writer: usize, bytes: &[u8]) -> ::core::result::Result<Self, #wire::DecodeError> {
            #wire::avro::decode_whole(writer, bytes)
        }

        #[inline]
        fn decode_with(
            transcoder: &#wire::avro::Transcoder,
            bytes: &[u8],
        ) -> ::core::result::Result<Self, #wire::DecodeError> {
            transcoder.decode_owned(bytes)
        }
    }
}

/// Any version of a message reads any other, so that every version lists all of them that no migration parts from it.
fn protobuf_writers(event: &Event, version: &Version, body: &ProtobufBody) -> Vec<TokenStream> {
    let schema = |writer: &Version| {
        let module = &writer.module;
        if writer.number == version.number { quote!(&SCHEMA) } else { quote!(&super::#module::SCHEMA) }
    };
    event.versions.iter().filter(|writer| body.writers.contains(&writer.number)).map(schema).collect()
}

fn protobuf_codec(event: &Event, version: &Version, body: &ProtobufBody, wire: &Path) -> TokenStream {
    let count = Literal::usize_unsuffixed(body.writers.len());
    let decode = |ty: &TokenStream, index: &TokenStream| quote!(<#ty as #wire::Event>::decode(#index, bytes));
    let migrated = migrate::arms(event, version, decode);
    quote! {
        fn encode(&self, out: &mut ::std::vec::Vec<u8>) -> ::core::result::Result<(), #wire::EncodeError> {
            #wire::proto::encode_into(self, out)
        }

        fn decode(writer: usize, bytes: &[u8]) -> ::core::result::Result<Self, #wire::DecodeError> {
            match writer {
                0..#count => #wire::proto::decode(bytes),
                #(#migrated)*
                unknown => ::core::result::Result::Err(#wire::avro::unknown_writer(unknown)),
            }
        }
    }
}
