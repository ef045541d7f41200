//! The JSON Schemas of what tools are given and answer, in a form that every agent takes: without the name of a dialect, which some
//! validators look up, and without formats that only this language has.

use rmcp::model::JsonObject;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

/// What a tool takes: in one piece, as some models' APIs follow no references.
pub(super) fn of_input<T: JsonSchema>() -> JsonObject {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    made::<T>(settings)
}

/// What a tool answers.
pub(super) fn of_output<T: JsonSchema>() -> JsonObject {
    made::<T>(SchemaSettings::draft2020_12().for_serialize())
}

fn made<T: JsonSchema>(settings: SchemaSettings) -> JsonObject {
    let plain = |schema: &mut Schema| drop(schema.remove("format"));
    let settings =
        settings.with_transform(RecursiveTransform(plain)).with(|settings| settings.meta_schema = None);
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.remove("title");
    schema.remove("description");
    match schema.to_value() {
        Value::Object(object) => object,
        _ => JsonObject::default(),
    }
}
