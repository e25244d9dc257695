//! Fields that share a fixed C structure, in an attribute or in the header.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Ident};

use crate::field::{Bit, Field, Part};

/// A fixed C structure and its fields.
pub(crate) struct Carrier<'a> {
    /// The attribute; none for the header.
    pub(crate) number: Option<&'a Ident>,
    pub(crate) parts: Vec<(&'a Field, &'a Part)>,
}

/// The structures of the fields, in the order of their first fields.
pub(crate) fn carriers(fields: &[Field]) -> syn::Result<Vec<Carrier<'_>>> {
    let mut carriers: Vec<Carrier<'_>> = Vec::new();
    for field in fields {
        let Some(part) = field.part() else { continue };
        let number = part.number.as_ref();
        let alone = |other: &&Field| other.part().is_none();
        if number.is_some() && fields.iter().filter(alone).any(|other| other.number() == number) {
            let words = "another field has this attribute as a whole";
            return Err(Error::new(field.ident.span(), words));
        }
        match carriers.iter_mut().find(|carrier| carrier.number == number) {
            Some(carrier) => {
                let (first, first_part) = carrier.parts[0];
                if first.create_only != field.create_only {
                    let words = "the fields of one attribute must all be `create_only`, or none";
                    return Err(Error::new(field.ident.span(), words));
                }
                if first_part.masked != part.masked {
                    let words = "the bits of one attribute must all be `masked`, or none";
                    return Err(Error::new(field.ident.span(), words));
                }
                carrier.parts.push((field, part));
            }
            None => carriers.push(Carrier { number, parts: vec![(field, part)] }),
        }
    }
    Ok(carriers)
}

impl Carrier<'_> {
    /// Whether a request changes only the fields that it names. Any other structure is replaced as
    /// a whole.
    pub(crate) fn is_masked(&self) -> bool {
        self.parts.iter().all(|(_, part)| part.masked)
    }

    /// The size of the structure: the end of its last field, or the size that a field states.
    pub(crate) fn size(&self) -> TokenStream {
        let ends = self.parts.iter().flat_map(|(field, part)| {
            let (at, ty) = (at(part), &field.ty);
            let end = match (&part.bit, part.masked) {
                (Some(Bit { ident, .. }), false) => {
                    quote!(#at + crate::attribute::size(crate::uapi::#ident))
                }
                (Some(Bit { ident, .. }), true) => {
                    quote!(#at + 2 * crate::attribute::size(crate::uapi::#ident))
                }
                (None, _) => quote!(#at + <#ty as crate::attribute::Packed>::SIZE),
            };
            part.size.iter().map(|size| quote!(#size)).chain([end])
        });
        quote!(crate::attribute::extent(&[#(#ends),*]))
    }

    /// Writes the fields that are set into the structure at `start` of `out`.
    pub(crate) fn puts(&self) -> TokenStream {
        let puts = self.parts.iter().map(|(field, part)| {
            let (ident, at) = (&field.ident, at(part));
            match &part.bit {
                Some(bit) => {
                    let (number, inverted) = (bit_value(field, bit), bit.inverted);
                    let mask = part.masked.then(|| {
                        quote! {
                            let mask = start + #at + crate::attribute::size(#number);
                            crate::attribute::put_bit(out, mask, #number);
                        }
                    });
                    quote! {
                        if let Some(value) = self.#ident {
                            if value != #inverted {
                                crate::attribute::put_bit(out, start + #at, #number);
                            }
                            #mask
                        }
                    }
                }
                None => {
                    let value = match field.big_endian {
                        true => quote!(&value.to_be()),
                        false => quote!(value),
                    };
                    quote! {
                        if let Some(value) = &self.#ident {
                            crate::attribute::put_at(out, start + #at, #value);
                        }
                    }
                }
            }
        });
        quote!(#(#puts)*)
    }

    /// Reads every field from the structure `bytes`. A field beyond the end of an older kernel's
    /// structure stays unset.
    pub(crate) fn takes(&self) -> TokenStream {
        let takes = self.parts.iter().map(|(field, part)| {
            let Field { ident, name, ty, .. } = field;
            let at = at(part);
            match &part.bit {
                Some(bit) => {
                    let (number, inverted) = (bit_value(field, bit), bit.inverted);
                    quote! {
                        let bit = crate::attribute::take_bit(bytes, #at, #number);
                        self.#ident = bit.map(|bit| bit != #inverted);
                    }
                }
                None => {
                    let value = match field.big_endian {
                        true => quote!(<#ty>::from_be(value)),
                        false => quote!(value),
                    };
                    quote! {
                        if let Some(value) = crate::attribute::take_at::<#ty>(#name, bytes, #at)? {
                            self.#ident = Some(#value);
                        }
                    }
                }
            }
        });
        quote!(#(#takes)*)
    }
}

fn at(part: &Part) -> TokenStream {
    part.at.as_ref().map_or(quote!(0), |at| quote!((#at)))
}

fn bit_value(field: &Field, bit: &Bit) -> TokenStream {
    let ident = &bit.ident;
    match field.big_endian {
        true => quote!(crate::uapi::#ident.to_be()),
        false => quote!(crate::uapi::#ident),
    }
}
