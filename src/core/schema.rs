//! The JSON Schemas of the tables, made from their types: editors complete and check what people write. They lie in `schemas/`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::model::FromObject;
use crate::model::envs::{ConfigFile, Ordered};
use crate::table::{
    ClusterApi, Custody, ForgeFile, LanguageFile, LintFile, Mcp, PolicyFile, Programs, Rows, RunnerFile,
    Shown, Text, Texts, Tool, WrapperFile,
};

/// A type of ours that is written as another.
macro_rules! written_as {
    ($([$($T:ident)?] $Name:ty => $Other:ty),+) => {
        $(impl$(<$T: JsonSchema>)? JsonSchema for $Name {
            fn schema_name() -> Cow<'static, str> {
                <$Other>::schema_name()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                <$Other>::json_schema(generator)
            }

            fn inline_schema() -> bool {
                true
            }
        })+
    };
}

written_as!([T] FromObject<T> => T, [T] Ordered<T> => BTreeMap<String, T>, [] Text => String, [] Texts => Vec<String>, [T] Rows<T> => Vec<T>, [T] Shown<T> => Vec<T>);

fn schema<T: JsonSchema>() -> String {
    let schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<T>();
    serde_json::to_string_pretty(&schema).unwrap() + "\n"
}

/// Made anew with `RWENV_WRITE_DOCS=1`.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test that may write what it compares")]
fn the_schemas_are_those_of_the_types() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas");
    let all = [
        ("tool", schema::<Tool>()),
        ("wrappers", schema::<WrapperFile>()),
        ("languages", schema::<LanguageFile>()),
        ("runners", schema::<RunnerFile>()),
        ("forges", schema::<ForgeFile>()),
        ("mcp", schema::<Mcp>()),
        ("programs", schema::<Programs>()),
        ("policy", schema::<PolicyFile>()),
        ("lint", schema::<LintFile>()),
        ("custody", schema::<Custody>()),
        ("api", schema::<ClusterApi>()),
        ("envs", schema::<ConfigFile>()),
    ];
    for (name, text) in all {
        let path = folder.join(format!("{name}.schema.json"));
        if std::env::var_os("RWENV_WRITE_DOCS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let current = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(current == text, "{} is not current: just schemas", path.display());
    }
}
