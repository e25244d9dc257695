//! A field of the struct, and its `#[attribute(…)]` or `#[flag(…)]`.

use syn::meta::ParseNestedMeta;
use syn::parse::ParseStream;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Expr, GenericArgument, Ident, PathArguments, Token, Type};

/// A field as it is described in the source.
pub(crate) struct Field {
    pub(crate) ident: Ident,
    /// The name in messages: serde's name of the field, or the identifier without a trailing `_`,
    /// which only distinguishes it from a keyword.
    pub(crate) name: String,
    /// The type inside the `Option`; for a nested or plain field, its type.
    pub(crate) ty: Type,
    pub(crate) shape: Shape,
    pub(crate) create_only: bool,
    pub(crate) while_down: bool,
    pub(crate) big_endian: bool,
    pub(crate) absent: Option<Expr>,
}

/// How a field is encoded.
pub(crate) enum Shape {
    /// An option that is not an attribute.
    Apart,
    /// Not an option: a part of the object that each request contains, and not an attribute either.
    Plain,
    /// A bit of the flags in a message's header, for the derive macro `Flags`.
    Flag(Bit),
    /// The value of an attribute; of the second one if it is an IPv6 address.
    Whole { number: Ident, or: Option<Ident> },
    /// A boolean that is true if the attribute is present.
    Presence { number: Ident },
    /// A value and a mask in two attributes; in two others if it is an IPv6 address.
    Masked { number: Ident, mask: Ident, or: Option<(Ident, Ident)> },
    /// A nested attribute whose elements all have the number `element`.
    List { number: Ident, element: Ident },
    /// An attribute for each element.
    Repeated { number: Ident },
    /// A struct in a nested attribute.
    Nested { number: Ident },
    /// A part of a fixed C structure in an attribute or in the header.
    Part(Box<Part>),
}

/// How a field is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// It is not an option, so it is never unset and never a change.
    Plain,
    /// By its own fields.
    Nested,
    /// As an option of a value.
    Value,
}

/// The position of a field in a fixed C structure.
pub(crate) struct Part {
    /// The attribute that contains the structure; none for the header.
    pub(crate) number: Option<Ident>,
    /// The offset in bytes.
    pub(crate) at: Option<Expr>,
    /// The structure's size, if it is longer than its fields.
    pub(crate) size: Option<Expr>,
    pub(crate) bit: Option<Bit>,
    /// Whether a mask follows the flags that contain the bit.
    pub(crate) masked: bool,
}

/// A flag's bit.
pub(crate) struct Bit {
    pub(crate) ident: Ident,
    /// Whether the kernel's flag has the opposite meaning of the field.
    pub(crate) inverted: bool,
}

impl Field {
    pub(crate) fn comparison(&self) -> Comparison {
        match &self.shape {
            Shape::Plain => Comparison::Plain,
            Shape::Nested { .. } => Comparison::Nested,
            Shape::Apart
            | Shape::Flag(_)
            | Shape::Whole { .. }
            | Shape::Presence { .. }
            | Shape::Masked { .. }
            | Shape::List { .. }
            | Shape::Repeated { .. }
            | Shape::Part(_) => Comparison::Value,
        }
    }

    /// The position in a fixed C structure, if it is a part of one.
    pub(crate) fn part(&self) -> Option<&Part> {
        if let Shape::Part(part) = &self.shape { Some(part) } else { None }
    }

    /// The bit of the header's flags.
    pub(crate) fn flag(&self) -> Option<&Bit> {
        if let Shape::Flag(bit) = &self.shape { Some(bit) } else { None }
    }

    /// The number of its attribute, which it may share with others.
    pub(crate) fn number(&self) -> Option<&Ident> {
        match &self.shape {
            Shape::Apart | Shape::Plain | Shape::Flag(_) => None,
            Shape::Whole { number, .. }
            | Shape::Presence { number }
            | Shape::Masked { number, .. }
            | Shape::List { number, .. }
            | Shape::Repeated { number }
            | Shape::Nested { number } => Some(number),
            Shape::Part(part) => part.number.as_ref(),
        }
    }
}

/// The fields of a struct, in order.
pub(crate) fn fields(input: &DeriveInput) -> syn::Result<Vec<Field>> {
    match &input.data {
        Data::Struct(data) => data.fields.iter().map(field).collect(),
        Data::Enum(_) | Data::Union(_) => Err(Error::new(input.span(), "only a struct has fields")),
    }
}

/// The size of the fixed C structure before the attributes: `#[attribute(header = SIZE)]` on the struct.
pub(crate) fn header(input: &DeriveInput) -> syn::Result<Option<Expr>> {
    let mut header = None;
    for attribute in input.attrs.iter().filter(|a| a.path().is_ident("attribute")) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("header") {
                return Err(meta.error("only `header = SIZE` can be said of the struct"));
            }
            header = Some(meta.value()?.parse()?);
            Ok(())
        })?;
    }
    Ok(header)
}

fn field(source: &syn::Field) -> syn::Result<Field> {
    let Some(ident) = source.ident.clone() else {
        return Err(Error::new(source.span(), "the field needs a name"));
    };
    let mut options = Options::default();
    let mut renamed = None;
    for attribute in &source.attrs {
        if attribute.path().is_ident("attribute") {
            attribute.parse_nested_meta(|meta| options.read(&meta))?;
        } else if attribute.path().is_ident("flag") {
            options.flag = Some(attribute.parse_args_with(bit)?);
        } else if attribute.path().is_ident("serde") {
            attribute.parse_nested_meta(|meta| serde_name(&meta, &mut renamed))?;
        }
    }
    let is_whole = options.nested || options.plain;
    let ty = match (is_whole, inside_option(&source.ty)) {
        (true, _) => source.ty.clone(),
        (false, Some(ty)) => ty,
        (false, None) => {
            let words = "the field must be an Option, unless it is `nested` or `plain`";
            return Err(Error::new(source.ty.span(), words));
        }
    };
    Ok(Field {
        name: renamed.unwrap_or_else(|| ident.to_string().trim_end_matches('_').into()),
        create_only: options.create_only,
        while_down: options.while_down,
        big_endian: options.big_endian,
        absent: options.absent.take(),
        shape: options.shape().map_err(|words| Error::new(ident.span(), words))?,
        ident,
        ty,
    })
}

/// The content of the parentheses of `#[attribute(…)]`.
#[derive(Default)]
struct Options {
    number: Option<Ident>,
    header: bool,
    flag: Option<Bit>,
    or: Option<Ident>,
    presence: bool,
    mask: Option<Ident>,
    or_mask: Option<Ident>,
    element: Option<Ident>,
    repeated: bool,
    nested: bool,
    plain: bool,
    at: Option<Expr>,
    size: Option<Expr>,
    bit: Option<Bit>,
    masked: bool,
    create_only: bool,
    while_down: bool,
    big_endian: bool,
    absent: Option<Expr>,
}

impl Options {
    fn read(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        let Some(option) = meta.path.get_ident() else {
            return Err(meta.error("an attribute's number or an option"));
        };
        match option.to_string().as_str() {
            "create_only" => self.create_only = true,
            "while_down" => self.while_down = true,
            "big_endian" => self.big_endian = true,
            "absent" => self.absent = Some(meta.value()?.parse()?),
            "or" => self.or = Some(meta.value()?.parse()?),
            "presence" => self.presence = true,
            "mask" => self.mask = Some(meta.value()?.parse()?),
            "or_mask" => self.or_mask = Some(meta.value()?.parse()?),
            "element" => self.element = Some(meta.value()?.parse()?),
            "repeated" => self.repeated = true,
            "nested" => self.nested = true,
            "plain" => self.plain = true,
            "header" => self.header = true,
            "at" => self.at = Some(meta.value()?.parse()?),
            "size" => self.size = Some(meta.value()?.parse()?),
            "bit" => self.bit = Some(bit(meta.value()?)?),
            "masked" => self.masked = true,
            _ if self.number.is_none() && !self.header && !meta.input.peek(Token![=]) => {
                self.number = Some(option.clone());
            }
            _ => return Err(meta.error("unknown option")),
        }
        Ok(())
    }

    /// The shape that the options describe.
    fn shape(self) -> Result<Shape, &'static str> {
        let is_part = self.header || self.at.is_some() || self.bit.is_some();
        let shapes = [
            self.flag.is_some(),
            self.plain,
            self.presence,
            self.mask.is_some(),
            self.element.is_some(),
            self.repeated,
            self.nested,
            is_part,
        ];
        if shapes.into_iter().filter(|shape| *shape).count() > 1 {
            return Err("these options describe different shapes");
        }
        if !is_part && (self.size.is_some() || self.masked) {
            return Err("`size` and `masked` go with `at` or `bit`");
        }
        if self.masked && self.bit.is_none() {
            return Err("`masked` goes with `bit`; a mask in an attribute of its own is `mask`");
        }
        if self.mask.is_some() && self.or.is_some() != self.or_mask.is_some() {
            return Err("`or` and `or_mask` go together");
        }
        let no_number = self.number.is_none();
        if let Some(bit) = self.flag {
            return Ok(Shape::Flag(bit));
        }
        if is_part && (self.header || !no_number) {
            let Options { number, at, size, bit, masked, .. } = self;
            return Ok(Shape::Part(Box::new(Part { number, at, size, bit, masked })));
        }
        let Some(number) = self.number else {
            return match (self.plain, shapes.contains(&true)) {
                (true, _) => Ok(Shape::Plain),
                (false, false) => Ok(Shape::Apart),
                (false, true) => Err("the attribute's number is missing"),
            };
        };
        if self.plain {
            return Err("a `plain` field has no attribute");
        }
        Ok(match (self.mask, self.element) {
            (Some(mask), _) => Shape::Masked { number, mask, or: self.or.zip(self.or_mask) },
            (None, Some(element)) => Shape::List { number, element },
            (None, None) if self.presence => Shape::Presence { number },
            (None, None) if self.repeated => Shape::Repeated { number },
            (None, None) if self.nested => Shape::Nested { number },
            (None, None) => Shape::Whole { number, or: self.or },
        })
    }
}

/// Reads `BIT` or `not BIT`.
fn bit(input: ParseStream<'_>) -> syn::Result<Bit> {
    let first: Ident = input.parse()?;
    let inverted = first == "not";
    Ok(Bit { ident: if inverted { input.parse()? } else { first }, inverted })
}

/// Reads the name from serde's `rename = "…"`, and skips serde's other options.
fn serde_name(meta: &ParseNestedMeta<'_>, name: &mut Option<String>) -> syn::Result<()> {
    if meta.path.is_ident("rename") {
        let text: syn::LitStr = meta.value()?.parse()?;
        *name = Some(text.value());
    } else if meta.input.peek(Token![=]) {
        meta.value()?.parse::<Expr>()?;
    }
    Ok(())
}

fn inside_option(ty: &Type) -> Option<Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|segment| segment.ident == "Option")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    let GenericArgument::Type(inner) = arguments.args.first()? else { return None };
    Some(inner.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(field: &str, words: &str) {
        let input: DeriveInput = syn::parse_str(&format!("struct S {{ {field} }}")).unwrap();
        let refused = fields(&input).and_then(|fields| crate::carrier::carriers(&fields).map(drop));
        assert_eq!(refused.unwrap_err().to_string(), words);
    }

    #[test]
    fn conflicting_options_are_refused() {
        check("a: u32", "the field must be an Option, unless it is `nested` or `plain`");
        check("#[attribute(A, other)] a: Option<u32>", "unknown option");
        check(
            "#[attribute(A, presence, repeated)] a: Option<bool>",
            "these options describe different shapes",
        );
        check(
            "#[attribute(A, nested, at = 4)] a: Metrics",
            "these options describe different shapes",
        );
        check(
            "#[attribute(A, size = 4)] a: Option<u32>",
            "`size` and `masked` go with `at` or `bit`",
        );
        check(
            "#[attribute(A, at = 4, masked)] a: Option<u32>",
            "`masked` goes with `bit`; a mask in an attribute of its own is `mask`",
        );
        check(
            "#[attribute(A, mask = B, or = C)] a: Option<IpNet>",
            "`or` and `or_mask` go together",
        );
        check("#[attribute(presence)] a: Option<bool>", "the attribute's number is missing");
        check("#[attribute(bit = A)] a: Option<bool>", "the attribute's number is missing");
        check("#[attribute(A, plain)] a: u32", "a `plain` field has no attribute");
    }

    #[test]
    fn fields_that_share_an_attribute_share_its_rules() {
        check(
            "#[attribute(A, at = 0, create_only)] a: Option<u32>, #[attribute(A, at = 4)] b: Option<u32>",
            "the fields of one attribute must all be `create_only`, or none",
        );
        check(
            "#[attribute(A, bit = X, masked)] a: Option<bool>, #[attribute(A, bit = Y)] b: Option<bool>",
            "the bits of one attribute must all be `masked`, or none",
        );
        check(
            "#[attribute(A)] a: Option<u32>, #[attribute(A, at = 4)] b: Option<u32>",
            "another field has this attribute as a whole",
        );
    }
}
