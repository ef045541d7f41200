//! `rwenv graph`.

use super::args::{GraphArgs, GraphFormat};
use crate::cli::out;
use rwenv_flux::catalog::{graph, narrowed};
use rwenv_gate::base::environment::Environment;
use rwenv_gate::base::files;

pub(in crate::cli) fn graph(args: &GraphArgs, environment: &Environment) -> anyhow::Result<u8> {
    let opened = args.source.open(environment)?;
    let known = opened.knowledge()?;
    let graph = match &args.name {
        Some(name) => narrowed::narrowed(&graph::graph(&known), &known, name)?,
        None => graph::graph(&known),
    };
    let format = if args.source.output.json { GraphFormat::Json } else { args.format };
    let text = match format {
        GraphFormat::Svg => graph.svg()?,
        GraphFormat::Dot => graph.dot(),
        GraphFormat::Mermaid => graph.mermaid(),
        GraphFormat::Json => serde_json::to_string_pretty(&graph)? + "\n",
    };
    match &args.output {
        Some(path) => {
            files::write(path, &text, 0o644)?;
            out::note(&format!(
                "{} nodes and {} edges in {}",
                graph.nodes.len(),
                graph.edges.len(),
                path.display()
            ));
        }
        None => out::line(text.trim_end()),
    }
    for edge in &graph.missing {
        out::note(&format!("{} depends on {}, which no file defines", edge.from, edge.to));
    }
    Ok(0)
}
