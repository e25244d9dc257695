//! `attribute::Packed`: a C structure of fixed size as one value.

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Expr, Fields, Ident, Type};

/// Implements `attribute::Value` and `attribute::Packed`.
pub(crate) fn packed(input: &DeriveInput) -> syn::Result<TokenStream> {
    let fields = fields(input)?;
    let name = &input.ident;
    let idents: Vec<&Ident> = fields.iter().map(|field| &field.ident).collect();
    let sizes: Vec<TokenStream> = fields
        .iter()
        .map(|Field { ty, pad, .. }| quote!(<#ty as crate::attribute::Packed>::SIZE + #pad))
        .collect();
    let puts = fields.iter().map(|Field { ident, big_endian, pad, .. }| {
        let value = match big_endian {
            true => quote!(&self.#ident.to_be()),
            false => quote!(&self.#ident),
        };
        quote! {
            crate::attribute::Value::put(#value, out);
            out.extend([0; #pad]);
        }
    });
    let takes = fields.iter().enumerate().map(|(at, Field { ident, ty, big_endian, .. })| {
        let before = &sizes[..at];
        let value = match big_endian {
            true => quote!(#ident.map(<#ty>::from_be)),
            false => quote!(#ident),
        };
        quote! {
            let at = 0 #(+ #before)*;
            let #ident = bytes.get(at..at + <#ty as crate::attribute::Packed>::SIZE)?;
            let #ident = <#ty as crate::attribute::Value>::take(#ident);
            let #ident = #value?;
        }
    });
    Ok(quote! {
        impl crate::attribute::Value for #name {
            fn put(&self, out: &mut Vec<u8>) {
                #(#puts)*
            }

            fn take(bytes: &[u8]) -> Option<Self> {
                #(#takes)*
                Some(Self { #(#idents),* })
            }
        }

        impl crate::attribute::Packed for #name {
            const SIZE: usize = 0 #(+ #sizes)*;
        }
    })
}

struct Field {
    ident: Ident,
    ty: Type,
    big_endian: bool,
    /// Unused bytes after the field.
    pad: TokenStream,
}

fn fields(input: &DeriveInput) -> syn::Result<Vec<Field>> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new(input.span(), "only a struct has fields"));
    };
    let Fields::Named(named) = &data.fields else {
        return Err(Error::new(input.span(), "the fields need names"));
    };
    named.named.iter().map(field).collect()
}

fn field(source: &syn::Field) -> syn::Result<Field> {
    let Some(ident) = source.ident.clone() else {
        return Err(Error::new(source.span(), "the field needs a name"));
    };
    let mut field = Field { ident, ty: source.ty.clone(), big_endian: false, pad: quote!(0) };
    for attribute in source.attrs.iter().filter(|a| a.path().is_ident("packed")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("big_endian") {
                field.big_endian = true;
            } else if meta.path.is_ident("pad") {
                let pad: Expr = meta.value()?.parse()?;
                field.pad = quote!(#pad);
            } else {
                return Err(meta.error("unknown option"));
            }
            Ok(())
        })?;
    }
    Ok(field)
}
