//! A field of the struct and what its `#[attribute(…)]` or `#[flag(…)]` says of it.

use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Expr, GenericArgument, Ident, PathArguments, Token, Type};

/// A field, as its line describes it.
pub(crate) struct Field {
    pub(crate) ident: Ident,
    /// The name that is shown: the identifier without a trailing `_` that keeps it from being a keyword.
    pub(crate) name: String,
    /// The type inside the `Option`.
    pub(crate) ty: Type,
    pub(crate) number: Option<Ident>,
    pub(crate) is_flag: bool,
    pub(crate) or: Option<Ident>,
    pub(crate) create_only: bool,
    pub(crate) while_down: bool,
    pub(crate) big_endian: bool,
    pub(crate) inverted: bool,
    pub(crate) absent: Option<Expr>,
}

/// The fields of a struct in their order.
pub(crate) fn fields(input: &DeriveInput) -> syn::Result<Vec<Field>> {
    match &input.data {
        Data::Struct(data) => data.fields.iter().map(field).collect(),
        Data::Enum(_) | Data::Union(_) => Err(Error::new(input.span(), "only a struct has fields")),
    }
}

fn field(source: &syn::Field) -> syn::Result<Field> {
    let Some(ident) = source.ident.clone() else {
        return Err(Error::new(source.span(), "the field needs a name"));
    };
    let Some(ty) = inside_option(&source.ty) else {
        return Err(Error::new(source.ty.span(), "the field must be an Option"));
    };
    let mut field = Field {
        name: ident.to_string().trim_end_matches('_').into(),
        ident,
        ty,
        number: None,
        is_flag: false,
        or: None,
        create_only: false,
        while_down: false,
        big_endian: false,
        inverted: false,
        absent: None,
    };
    for attribute in &source.attrs {
        if attribute.path().is_ident("attribute") {
            attribute.parse_nested_meta(|meta| field.option(&meta))?;
        } else if attribute.path().is_ident("flag") {
            field.is_flag = true;
            attribute.parse_args_with(|input: syn::parse::ParseStream<'_>| {
                let first: Ident = input.parse()?;
                field.inverted = first == "not";
                field.number = Some(if field.inverted { input.parse()? } else { first });
                Ok(())
            })?;
        }
    }
    Ok(field)
}

impl Field {
    fn option(&mut self, meta: &syn::meta::ParseNestedMeta<'_>) -> syn::Result<()> {
        let Some(option) = meta.path.get_ident() else {
            return Err(meta.error("an attribute's number or an option"));
        };
        match option.to_string().as_str() {
            "create_only" => self.create_only = true,
            "while_down" => self.while_down = true,
            "big_endian" => self.big_endian = true,
            "or" => self.or = Some(meta.value()?.parse()?),
            "absent" => self.absent = Some(meta.value()?.parse()?),
            _ if self.number.is_none() && !meta.input.peek(Token![=]) => {
                self.number = Some(option.clone());
            }
            _ => return Err(meta.error("unknown option")),
        }
        Ok(())
    }
}

fn inside_option(ty: &Type) -> Option<Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|segment| segment.ident == "Option")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    let GenericArgument::Type(inner) = arguments.args.first()? else { return None };
    Some(inner.clone())
}
