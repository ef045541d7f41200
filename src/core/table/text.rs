//! Texts and lists of a table. In the program they are constants; whoever reads a table from its file makes them once, for as long
//! as the process lives.

use std::fmt;
use std::ops::Deref;

use databake::{Bake, BakeSize, CrateEnv, TokenStream, quote};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(&'static str);

impl Text {
    /// This text.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        Self(text)
    }

    /// The text itself.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.0
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.leak()))
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl Bake for Text {
    fn bake(&self, ctx: &CrateEnv) -> TokenStream {
        ctx.insert("rwenv_core");
        let text = self.0;
        quote! { rwenv_core::table::Text::new(#text) }
    }
}

/// A list of texts.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Texts(&'static [&'static str]);

impl Texts {
    /// These texts.
    #[must_use]
    pub const fn new(texts: &'static [&'static str]) -> Self {
        Self(texts)
    }

    /// The texts themselves.
    #[must_use]
    pub const fn as_slice(self) -> &'static [&'static str] {
        self.0
    }
}

impl Deref for Texts {
    type Target = [&'static str];

    fn deref(&self) -> &Self::Target {
        self.0
    }
}

impl IntoIterator for Texts {
    type Item = &'static &'static str;
    type IntoIter = std::slice::Iter<'static, &'static str>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl PartialEq<[&str]> for Texts {
    fn eq(&self, other: &[&str]) -> bool {
        self.0 == other
    }
}

impl<const N: usize> PartialEq<[&str; N]> for Texts {
    fn eq(&self, other: &[&str; N]) -> bool {
        self.0 == other
    }
}

impl FromIterator<&'static str> for Texts {
    fn from_iter<I: IntoIterator<Item = &'static str>>(texts: I) -> Self {
        Self(texts.into_iter().collect::<Vec<_>>().leak())
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<Text>::deserialize(deserializer).map(|texts| texts.into_iter().map(Text::as_str).collect())
    }
}

impl Bake for Texts {
    fn bake(&self, ctx: &CrateEnv) -> TokenStream {
        ctx.insert("rwenv_core");
        let texts = self.0;
        quote! { rwenv_core::table::Texts::new(&[#(#texts),*]) }
    }
}

/// A list of rows, or of words that a list of their own has.
#[derive(PartialEq, Eq, Hash)]
pub struct Rows<T: 'static>(&'static [T]);

impl<T> Rows<T> {
    /// These rows.
    #[must_use]
    pub const fn new(rows: &'static [T]) -> Self {
        Self(rows)
    }

    /// The rows themselves.
    #[must_use]
    pub const fn as_slice(self) -> &'static [T] {
        self.0
    }
}

impl<T> Clone for Rows<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Rows<T> {}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self(&[])
    }
}

impl<T> Deref for Rows<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.0
    }
}

impl<T> IntoIterator for Rows<T> {
    type Item = &'static T;
    type IntoIter = std::slice::Iter<'static, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T: fmt::Debug> fmt::Debug for Rows<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T> FromIterator<T> for Rows<T> {
    fn from_iter<I: IntoIterator<Item = T>>(rows: I) -> Self {
        Self(rows.into_iter().collect::<Vec<_>>().leak())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Rows<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(|rows: Vec<T>| Self(rows.leak()))
    }
}

impl<T: Bake> Bake for Rows<T> {
    fn bake(&self, ctx: &CrateEnv) -> TokenStream {
        ctx.insert("rwenv_core");
        let rows = self.0.iter().map(|row| row.bake(ctx));
        quote! { rwenv_core::table::Rows::new(&[#(#rows),*]) }
    }
}

/// Rows that show what a table means. They are read from its file by those who run them, and are not in the program.
#[derive(Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(bound = "T: Deserialize<'de>", transparent)]
pub struct Shown<T: 'static>(Rows<T>);

impl<T> Shown<T> {
    /// Nothing, as in the program.
    #[must_use]
    pub const fn nothing() -> Self {
        Self(Rows::new(&[]))
    }
}

impl<T> Clone for Shown<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Shown<T> {}

impl<T> Default for Shown<T> {
    fn default() -> Self {
        Self::nothing()
    }
}

impl<T> Deref for Shown<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> IntoIterator for Shown<T> {
    type Item = &'static T;
    type IntoIter = std::slice::Iter<'static, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<T> FromIterator<T> for Shown<T> {
    fn from_iter<I: IntoIterator<Item = T>>(rows: I) -> Self {
        Self(rows.into_iter().collect())
    }
}

impl<T> Bake for Shown<T> {
    fn bake(&self, ctx: &CrateEnv) -> TokenStream {
        ctx.insert("rwenv_core");
        quote! { rwenv_core::table::Shown::nothing() }
    }
}

/// The types of tables borrow from the program; nobody asks how much.
macro_rules! borrow_nothing {
    ($($Name:ty),+) => {
        $(impl BakeSize for $Name {
            fn borrows_size(&self) -> usize {
                0
            }
        })+
    };
}

borrow_nothing!(Text, Texts);

impl<T: Bake> BakeSize for Rows<T> {
    fn borrows_size(&self) -> usize {
        0
    }
}

impl<T> BakeSize for Shown<T> {
    fn borrows_size(&self) -> usize {
        0
    }
}
