//! What applies what, and what waits for what, as a graph: for programs, for Graphviz, for Mermaid, and drawn.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use layout::backends::svg::SVGWriter;
use layout::core::base::Orientation;
use layout::core::color::Color;
use layout::core::geometry::Point;
use layout::core::style::{LineStyleKind, StyleAttr};
use layout::std_shapes::shapes::{Arrow, Element, LineEndKind, ShapeKind};
use layout::topo::layout::VisualGraph;
use serde::Serialize;

use super::knowledge::Knowledge;
use super::uses::HELM;
use rwenv_core::manifest::yaml::Node;

/// Most nodes that are drawn: the time to place them grows faster than their number.
const MOST_DRAWN: usize = 400;

/// A Kustomization, HelmRelease or Application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GraphNode {
    /// What tells it apart from the others.
    pub id: String,
    /// Its kind.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The cluster, where the repository has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// File and line that define it.
    pub place: String,
}

/// What one node is to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Relation {
    /// It applies it.
    Manages,
    /// It waits for it.
    DependsOn,
}

/// A relation between two nodes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Edge {
    /// Node it begins at.
    pub from: String,
    /// Node it leads to.
    pub to: String,
    /// What it means.
    pub relation: Relation,
}

/// The graph of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Graph {
    /// The nodes.
    pub nodes: Vec<GraphNode>,
    /// The edges; those that lead to a node that is not there are left out.
    pub edges: Vec<Edge>,
    /// Dependencies on what no file of the repository defines.
    pub missing: Vec<Edge>,
}

/// Why a graph cannot be drawn.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DrawError {
    /// Too many nodes.
    #[error(
        "{0} nodes are more than can be drawn ({MOST_DRAWN}); --format dot is for Graphviz, which draws larger ones"
    )]
    Large(usize),
    /// The library gave up.
    #[error("the graph could not be laid out; --format dot is for Graphviz")]
    Layout,
}

/// The graph of what is known.
#[must_use]
pub fn graph(known: &Knowledge<'_>) -> Graph {
    let several = known.clusters.len() > 1;
    let cluster =
        |number: usize| known.clusters.get(number).filter(|_| several).map(|cluster| cluster.name.clone());
    let id = |number: usize, kind: &str, namespace: &str, name: &str| {
        let cluster = cluster(number).map(|cluster| format!("{cluster}/")).unwrap_or_default();
        format!("{cluster}{kind}/{namespace}/{name}")
    };
    let mut all = Graph::default();
    let mut depends: Vec<(usize, String, &'static str, String, &Node)> = Vec::new();
    for unit in &known.units {
        let Some(kind) = unit.applier.kind() else { continue };
        let own = id(unit.cluster, kind, &unit.namespace, &unit.name);
        if let Some(above) = unit.above.and_then(|above| known.units.get(above)) {
            let from =
                above.applier.kind().map(|kind| id(above.cluster, kind, &above.namespace, &above.name));
            all.edges.extend(from.map(|from| Edge { from, to: own.clone(), relation: Relation::Manages }));
        }
        depends.push((unit.cluster, own.clone(), kind, unit.namespace.clone(), &unit.spec));
        let (file, line) = known.place(unit.at);
        let (name, namespace) = (unit.name.clone(), unit.namespace.clone());
        let place = format!("{file}:{line}");
        all.nodes.push(GraphNode { id: own, kind, name, namespace, cluster: cluster(unit.cluster), place });
    }
    let releases: Vec<_> =
        known.of_kind(HELM, "HelmRelease").map(|(_, found)| (found, known.content(found))).collect();
    for (found, content) in &releases {
        let number = known.cluster_of(found);
        let namespace = found.resource.namespace().unwrap_or_default().to_owned();
        let own = id(number, "HelmRelease", &namespace, &found.resource.name);
        if let Some(unit) = known.units.get(found.unit) {
            let from = unit.applier.kind().map(|kind| id(unit.cluster, kind, &unit.namespace, &unit.name));
            all.edges.extend(from.map(|from| Edge { from, to: own.clone(), relation: Relation::Manages }));
        }
        if let Some(spec) = content.get("spec") {
            depends.push((number, own.clone(), "HelmRelease", namespace.clone(), spec));
        }
        let (file, line) = known.place(found.resource.at);
        let name = found.resource.name.to_string();
        let place = format!("{file}:{line}");
        all.nodes.push(GraphNode {
            id: own,
            kind: "HelmRelease",
            name,
            namespace,
            cluster: cluster(number),
            place,
        });
    }
    for (number, from, kind, namespace, spec) in depends {
        for item in spec.get("dependsOn").map(Node::items).unwrap_or_default() {
            let Some(name) = item.str(&["name"]) else { continue };
            let to = id(number, kind, item.str(&["namespace"]).unwrap_or(&namespace), name);
            all.edges.push(Edge { from: from.clone(), to, relation: Relation::DependsOn });
        }
    }
    all.nodes.sort_by(|a, b| a.id.cmp(&b.id));
    all.nodes.dedup_by(|a, b| a.id == b.id);
    all.edges.sort();
    all.edges.dedup();
    let there = |edge: &Edge| all.nodes.binary_search_by(|node| node.id.cmp(&edge.to)).is_ok();
    (all.edges, all.missing) = std::mem::take(&mut all.edges).into_iter().partition(there);
    all
}

impl GraphNode {
    /// Its kind and namespace, for people.
    fn about(&self) -> String {
        let within = Some(&self.namespace).filter(|namespace| !namespace.is_empty());
        within.map_or_else(|| self.kind.to_owned(), |namespace| format!("{} in {namespace}", self.kind))
    }
}

/// The frames around the nodes of each cluster; nodes come cluster by cluster.
#[derive(Default)]
struct Frames {
    open: Option<String>,
    number: usize,
}

impl Frames {
    /// What ends the frame before a node and begins its own, where it is another one.
    fn before(&mut self, node: &GraphNode, begin: impl Fn(usize, &str) -> String, end: &str) -> String {
        if self.open == node.cluster {
            return String::new();
        }
        let mut out = self.end(end).to_owned();
        if let Some(name) = &node.cluster {
            self.number += 1;
            out.push_str(&begin(self.number, &quoted(name)));
        }
        self.open.clone_from(&node.cluster);
        out
    }

    /// What ends the frame that is open.
    fn end<'e>(&self, end: &'e str) -> &'e str {
        if self.open.is_some() { end } else { "" }
    }
}

/// A text as Graphviz and Mermaid take it in quotes.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "'").replace(char::is_control, " ")
}

impl Graph {
    /// The graph for Graphviz.
    #[must_use]
    pub fn dot(&self) -> String {
        let mut out =
            "digraph flux {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n".to_owned();
        let mut frame = Frames::default();
        for node in &self.nodes {
            out.push_str(&frame.before(
                node,
                |number, name| format!("  subgraph \"cluster_{number}\" {{\n  label=\"{name}\";\n"),
                "  }\n",
            ));
            let shape = if node.kind == "HelmRelease" { ", style=rounded" } else { "" };
            // Writing into a text does not fail.
            let _ = writeln!(
                out,
                "  \"{}\" [label=\"{}\\n{}\", tooltip=\"{}\"{shape}];",
                quoted(&node.id),
                quoted(&node.name),
                quoted(&node.about()),
                quoted(&node.place)
            );
        }
        out.push_str(frame.end("  }\n"));
        for edge in &self.edges {
            let style = if edge.relation == Relation::DependsOn {
                " [style=dashed, label=\"depends on\"]"
            } else {
                ""
            };
            let _ = writeln!(out, "  \"{}\" -> \"{}\"{style};", quoted(&edge.from), quoted(&edge.to));
        }
        out + "}\n"
    }

    /// The graph for Mermaid.
    #[must_use]
    pub fn mermaid(&self) -> String {
        let mut out = "flowchart LR\n".to_owned();
        let numbers: BTreeMap<&str, usize> =
            self.nodes.iter().enumerate().map(|(number, node)| (node.id.as_str(), number)).collect();
        let mut frame = Frames::default();
        for (number, node) in self.nodes.iter().enumerate() {
            let begin = |number, name: &str| format!("  subgraph c{number}[\"{name}\"]\n");
            out.push_str(&frame.before(node, begin, "  end\n"));
            let label = quoted(&format!("{}<br/>{}", node.name, node.about()));
            let (open, close) = if node.kind == "HelmRelease" { ("(", ")") } else { ("[", "]") };
            let _ = writeln!(out, "  n{number}{open}\"{label}\"{close}");
        }
        out.push_str(frame.end("  end\n"));
        for edge in &self.edges {
            let (Some(from), Some(to)) = (numbers.get(edge.from.as_str()), numbers.get(edge.to.as_str()))
            else {
                continue;
            };
            let arrow = if edge.relation == Relation::DependsOn { "-. depends on .->" } else { "-->" };
            let _ = writeln!(out, "  n{from} {arrow} n{to}");
        }
        out
    }

    /// The graph, drawn.
    ///
    /// # Errors
    /// Where it is too large, or cannot be laid out.
    pub fn svg(&self) -> Result<String, DrawError> {
        if self.nodes.len() > MOST_DRAWN {
            return Err(DrawError::Large(self.nodes.len()));
        }
        // The library panics where it cannot place something.
        std::panic::catch_unwind(|| self.draw()).map_err(|_| DrawError::Layout)
    }

    fn draw(&self) -> String {
        let mut drawing = VisualGraph::new(Orientation::LeftToRight);
        let mut handles = BTreeMap::new();
        for node in &self.nodes {
            let fill = match node.kind {
                "HelmRelease" => "#e8f0fe",
                "Application" => "#fdeee6",
                _ => "#eaf6ea",
            };
            let style = StyleAttr::new(Color::fast("#5f6368"), 1, Color::from_name(fill), 8, 14);
            // A picture has no frames: each box says its cluster.
            let cluster = node.cluster.as_ref().map(|name| format!(" · {name}")).unwrap_or_default();
            let label = format!("{}\n{}{cluster}", node.name, node.about());
            let longest = label.lines().map(|line| line.chars().count()).max().unwrap_or_default();
            #[expect(
                clippy::cast_precision_loss,
                reason = "a label is shorter than the numbers that are exact"
            )]
            let size = Point::new(longest as f64 * 8.5 + 24.0, 52.0);
            let element = Element::create(ShapeKind::new_box(&label), style, Orientation::LeftToRight, size);
            handles.insert(node.id.as_str(), drawing.add_node(element));
        }
        for edge in self.edges.iter().filter(|edge| edge.from != edge.to) {
            let (Some(from), Some(to)) = (handles.get(edge.from.as_str()), handles.get(edge.to.as_str()))
            else {
                continue;
            };
            let dashed = edge.relation == Relation::DependsOn;
            let line = if dashed { LineStyleKind::Dashed } else { LineStyleKind::Normal };
            let style = StyleAttr::new(Color::fast("#5f6368"), 1, None, 0, 14);
            let arrow = Arrow::new(LineEndKind::None, LineEndKind::Arrow, line, "", &style, &None, &None);
            drawing.add_edge(arrow, *from, *to);
        }
        let mut writer = SVGWriter::new();
        if !self.nodes.is_empty() {
            drawing.do_it(false, false, false, &mut writer);
        }
        writer.finalize()
    }
}
