//! The part of a graph that one object has to do with: what applies it, what it applies, what it waits for and what waits for it.

use std::collections::BTreeSet;

use super::graph::{Edge, Graph, GraphNode, Relation};
use super::knowledge::{Knowledge, Unit};
use super::lookup::near;

/// What nothing of a graph is called.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("nothing in the graph is called '{name}', and nothing in it applies such an object{}", .near)]
pub struct UnknownNode {
    /// What was asked for.
    pub name: String,
    /// What is nearly called so.
    pub near: String,
}

/// The part of a graph around the nodes of a name, or around those that apply an object of that name.
///
/// # Errors
/// Where there is none.
pub fn narrowed(graph: &Graph, known: &Knowledge<'_>, name: &str) -> Result<Graph, UnknownNode> {
    let mut seeds: BTreeSet<&str> = named(graph, name);
    if seeds.is_empty() {
        let appliers = known.objects.iter().filter(|found| found.resource.first_name() == name);
        let units = appliers.filter_map(|found| known.units.get(found.unit));
        seeds = units.filter_map(|unit| Some(node_of(graph, known, unit)?.id.as_str())).collect();
    }
    if seeds.is_empty() {
        let names = graph.nodes.iter().map(|node| node.name.as_str());
        let objects = known.objects.iter().map(|found| found.resource.first_name());
        let near = match near(name, names.chain(objects)).first() {
            Some(first) => format!("; did you mean '{first}'?"),
            None => String::new(),
        };
        return Err(UnknownNode { name: name.to_owned(), near });
    }
    let is = |wanted: Relation| move |edge: &&Edge| edge.relation == wanted;
    let manages = || graph.edges.iter().filter(is(Relation::Manages));
    let waits = || graph.edges.iter().filter(is(Relation::DependsOn));
    let down = |edge: &'_ Edge| (edge.from.clone(), edge.to.clone());
    let up = |edge: &'_ Edge| (edge.to.clone(), edge.from.clone());
    let mut kept = reached(&seeds, manages().map(down));
    kept.extend(reached(&seeds, waits().map(down)));
    // Of those that wait for it, only themselves.
    kept.extend(waits().filter(|edge| seeds.contains(edge.to.as_str())).map(|edge| edge.from.clone()));
    let all: Vec<String> = kept.iter().cloned().collect();
    let all: BTreeSet<&str> = all.iter().map(String::as_str).collect();
    kept.extend(reached(&all, manages().map(up)));
    let both = |edge: &&Edge| kept.contains(&edge.from) && kept.contains(&edge.to);
    Ok(Graph {
        nodes: graph.nodes.iter().filter(|node| kept.contains(&node.id)).cloned().collect(),
        edges: graph.edges.iter().filter(both).cloned().collect(),
        missing: graph.missing.iter().filter(|edge| kept.contains(&edge.from)).cloned().collect(),
    })
}

/// The nodes of a name: `web`, `ks/web`, `hr/web`, or the whole identity.
fn named<'g>(graph: &'g Graph, name: &str) -> BTreeSet<&'g str> {
    let (kind, bare) = name.split_once('/').map_or((None, name), |(kind, bare)| (Some(kind), bare));
    let fits = |node: &&GraphNode| {
        let of_kind = kind.is_none_or(|kind| match kind.to_ascii_lowercase().as_str() {
            "ks" | "kustomization" | "kustomizations" => node.kind == "Kustomization",
            "hr" | "helmrelease" | "helmreleases" => node.kind == "HelmRelease",
            "app" | "application" | "applications" => node.kind == "Application",
            _ => false,
        });
        node.id == name || (of_kind && node.name == bare)
    };
    graph.nodes.iter().filter(fits).map(|node| node.id.as_str()).collect()
}

/// The node of what applies objects.
fn node_of<'g>(graph: &'g Graph, known: &Knowledge<'_>, unit: &Unit) -> Option<&'g GraphNode> {
    let cluster = known.clusters.get(unit.cluster).map(|cluster| cluster.name.as_str());
    graph.nodes.iter().find(|node| {
        Some(node.kind) == unit.applier.kind()
            && (node.name.as_str(), node.namespace.as_str()) == (unit.name.as_str(), unit.namespace.as_str())
            && node.cluster.as_deref().is_none_or(|own| Some(own) == cluster)
    })
}

/// What can be reached from these, themselves too.
fn reached(from: &BTreeSet<&str>, edges: impl Iterator<Item = (String, String)>) -> BTreeSet<String> {
    let edges: Vec<(String, String)> = edges.collect();
    let mut all: BTreeSet<String> = from.iter().map(|id| (*id).to_owned()).collect();
    let mut open: Vec<String> = all.iter().cloned().collect();
    while let Some(id) = open.pop() {
        for (_, to) in edges.iter().filter(|(from, _)| *from == id) {
            if all.insert(to.clone()) {
                open.push(to.clone());
            }
        }
    }
    all
}
