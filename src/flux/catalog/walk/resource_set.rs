//! ResourceSets of the flux-operator: templates and the inputs they are filled with. What depends on a cluster, a pull request or
//! more of the template language than names of inputs is told, and not guessed.

use std::borrow::Cow;

use super::template::{Inputs, flat, mapped, templated};
use rwenv_core::manifest::kustomize::resource::Resource;
use rwenv_core::manifest::kustomize::scope::is_cluster_scoped;
use rwenv_core::manifest::kustomize::{BuildProblem, Fault};
use rwenv_core::manifest::tree::Object;
use rwenv_core::manifest::yaml::{Node, parse_from, start_of};

/// The objects a ResourceSet makes.
pub(super) fn expand(
    set: &Resource<'_>,
    declared: &[Object<'_>],
) -> (Vec<Resource<'static>>, Vec<BuildProblem>) {
    let mut problems = Vec::new();
    let content = &set.content;
    let inline = content.path(&["spec", "inputs"]).map(Node::items).unwrap_or_default();
    let mut inputs: Vec<Inputs> = inline.iter().map(flat).collect();
    let providers = content.path(&["spec", "inputsFrom"]).map(Node::items).unwrap_or_default();
    for provider in providers {
        match given(provider, declared) {
            Some(more) => inputs.push(more),
            None => problems.push(BuildProblem {
                at: provider.at,
                message: format!(
                    "what ResourceSet {} makes depends on inputs from outside of this repository",
                    set.name
                ),
                unfollowed: true,
                alone: true,
                fault: Fault::Other,
            }),
        }
    }
    if inputs.is_empty() && providers.is_empty() {
        inputs.push(Inputs::new());
    }
    let mut made = Vec::new();
    let resources = content.path(&["spec", "resources"]).map(Node::items).unwrap_or_default();
    for input in &inputs {
        let value = |expression: &str| {
            let name = expression.split('|').next().unwrap_or_default().trim();
            // A function behind the name would change it, except for those that only quote.
            let plain =
                expression.split('|').skip(1).all(|f| matches!(f.trim(), "quote" | "squote" | "toYaml"));
            input.get(name.strip_prefix("inputs.")?).filter(|_| plain).cloned()
        };
        let fill = |text: &str| templated(text, ["<<", ">>"], value);
        let nodes = resources.iter().filter_map(Node::expanded).map(|node| mapped(&node, &fill));
        let template = content.path(&["spec", "resourcesTemplate"]);
        let text = template.and_then(|node| {
            let text = node.text()?;
            Some(parse_from(&fill(text), start_of(text, node.at)).documents)
        });
        for node in nodes.chain(text.into_iter().flatten()) {
            let Some(mut resource) = Resource::owned(node, set.document) else { continue };
            if resource.name.contains("<<") || resource.name.is_empty() {
                problems.push(BuildProblem {
                    at: resource.at,
                    message: format!(
                        "the name of a {} that ResourceSet {} makes is not known",
                        resource.kind, set.name
                    ),
                    unfollowed: true,
                    alone: true,
                    fault: Fault::Other,
                });
                continue;
            }
            resource.step.clone_from(&set.step);
            if resource.namespace().is_none()
                && !is_cluster_scoped(&resource.group, &resource.version, &resource.kind)
            {
                resource.namespace = set.namespace().map(|namespace| Cow::Owned(namespace.to_owned()));
            }
            made.push(resource);
        }
    }
    (made, problems)
}

/// The inputs of a provider whose values are in its definition.
fn given(provider: &Node, declared: &[Object<'_>]) -> Option<Inputs> {
    let name = provider.str(&["name"])?;
    let object = declared.iter().find(|o| o.kind == "ResourceSetInputProvider" && o.name == name)?;
    let spec = object.node.get("spec").filter(|spec| spec.str(&["type"]) == Some("Static"))?;
    Some(flat(spec.get("defaultValues")?))
}
