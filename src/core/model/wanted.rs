//! What somebody wants an object to be: fields of it, and their values. It is what a command would change, in the words of a manifest.

/// One step to a field of an object.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FieldStep {
    /// A key of a mapping.
    Key(String),
    /// The item of a list of this name.
    Named(String),
    /// The item of a list of this number, from 0.
    Item(usize),
    /// Every item of a list.
    Every,
}

/// A field, and the value it is to have.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WantedField {
    /// Where it is.
    pub path: Vec<FieldStep>,
    /// The value.
    pub value: String,
    /// The value is a text, whatever it looks like.
    pub is_text: bool,
}

impl WantedField {
    /// A field below keys.
    #[must_use]
    pub fn of(keys: &[&str], value: impl Into<String>, is_text: bool) -> Self {
        let path = keys.iter().map(|key| FieldStep::Key((*key).to_owned())).collect();
        Self { path, value: value.into(), is_text }
    }

    /// Its path, as people read it.
    #[must_use]
    pub fn title(&self) -> String {
        let mut text = String::new();
        for step in &self.path {
            match step {
                FieldStep::Key(key) if key.contains(['.', '/']) => text.push_str(&format!("[{key}]")),
                FieldStep::Key(key) if text.is_empty() => text.push_str(key),
                FieldStep::Key(key) => text.push_str(&format!(".{key}")),
                FieldStep::Named(name) => text.push_str(&format!("[{name}]")),
                FieldStep::Item(number) => text.push_str(&format!("[{number}]")),
                FieldStep::Every => text.push_str("[*]"),
            }
        }
        text
    }
}

/// An object, and the fields it is to have.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WantedObject {
    /// Its kind, as manifests write it.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its namespace, where it is said.
    pub namespace: Option<String>,
    /// The fields.
    pub fields: Vec<WantedField>,
}
