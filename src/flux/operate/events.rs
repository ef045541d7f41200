//! Events about objects of Flux, oldest first.

use k8s_openapi::api::core::v1::Event;
use kube::api::{Api, ListParams};

use super::{ClusterEvent, Flux, FluxError, LiveObject};

fn told(event: Event) -> ClusterEvent {
    let of = event.involved_object;
    let time = event.last_timestamp.map(|time| time.0.to_string());
    let time = time.or_else(|| event.event_time.map(|time| time.0.to_string()));
    ClusterEvent {
        time: time.or_else(|| event.first_timestamp.map(|time| time.0.to_string())).unwrap_or_default(),
        kind: event.type_.unwrap_or_default(),
        reason: event.reason.unwrap_or_default(),
        object_kind: of.kind.unwrap_or_default(),
        namespace: of.namespace.unwrap_or_default(),
        name: of.name.unwrap_or_default(),
        message: event.message.unwrap_or_default(),
    }
}

async fn list(
    flux: &Flux,
    namespace: Option<&str>,
    selector: Option<String>,
) -> Result<Vec<ClusterEvent>, FluxError> {
    let client = flux.cluster.client();
    let api: Api<Event> =
        namespace.map_or_else(|| Api::all(client.clone()), |name| Api::namespaced(client.clone(), name));
    let which = ListParams { field_selector: selector, ..ListParams::default() };
    let found = flux.cluster.list(&api, which, "events").await?.unwrap_or_default();
    let of_flux = |event: &Event| {
        let version = event.involved_object.api_version.as_deref().unwrap_or_default();
        version.contains("fluxcd")
    };
    let mut all: Vec<ClusterEvent> = found.into_iter().filter(of_flux).map(told).collect();
    all.sort();
    Ok(all)
}

/// The events about objects of Flux, in one namespace or all.
///
/// # Errors
/// Where the cluster does not answer, or refuses to.
pub async fn events(flux: &Flux, namespace: Option<&str>) -> Result<Vec<ClusterEvent>, FluxError> {
    list(flux, namespace, None).await
}

/// The events about one object.
///
/// # Errors
/// Where the cluster does not answer, or refuses to.
pub async fn events_of(flux: &Flux, object: &LiveObject) -> Result<Vec<ClusterEvent>, FluxError> {
    let selector = format!("involvedObject.kind={},involvedObject.name={}", object.kind.name, object.name);
    list(flux, Some(&object.namespace), Some(selector)).await
}
