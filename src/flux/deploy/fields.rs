//! Which fields a kind of Kubernetes has, and what they take: the types of the client library are asked how they would be read,
//! one step of a path after the other.

use std::fmt;

use k8s_openapi::Resource;
use k8s_openapi::api::{apps, autoscaling, batch, core, networking, policy};
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{Deserialize, Deserializer, IntoDeserializer, Visitor};

use crate::edit::PathStep;

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Leads {
    /// A field.
    To(Takes),
    /// There is no field of this name at this step; these are there.
    Nowhere(usize, &'static [&'static str]),
    /// This step is one of a list where a mapping is, or the reverse, or goes on below a value.
    Wrong(usize),
}

/// What a field takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// `true` or `false`.
    Truth,
    /// A whole number.
    Whole,
    /// A number.
    Number,
    /// A text.
    Text,
    /// A text or a number.
    Any,
    /// No value: it has fields or items.
    More,
}

/// A kind, and how a path in it is followed.
type KindPaths = (&'static str, &'static str, fn(&[PathStep]) -> Leads);

const fn kind<T: Resource + for<'de> Deserialize<'de>>() -> KindPaths {
    (T::API_VERSION, T::KIND, leads::<T>)
}

const KINDS: [KindPaths; 20] = [
    kind::<apps::v1::Deployment>(),
    kind::<apps::v1::StatefulSet>(),
    kind::<apps::v1::DaemonSet>(),
    kind::<apps::v1::ReplicaSet>(),
    kind::<batch::v1::Job>(),
    kind::<batch::v1::CronJob>(),
    kind::<core::v1::Pod>(),
    kind::<core::v1::Service>(),
    kind::<core::v1::ServiceAccount>(),
    kind::<core::v1::ConfigMap>(),
    kind::<core::v1::PersistentVolumeClaim>(),
    kind::<core::v1::ReplicationController>(),
    kind::<core::v1::LimitRange>(),
    kind::<core::v1::ResourceQuota>(),
    kind::<autoscaling::v1::HorizontalPodAutoscaler>(),
    kind::<autoscaling::v2::HorizontalPodAutoscaler>(),
    kind::<networking::v1::Ingress>(),
    kind::<networking::v1::NetworkPolicy>(),
    kind::<policy::v1::PodDisruptionBudget>(),
    // Argo Rollouts, "Migrating": a Deployment, with a strategy of its own.
    ("argoproj.io/v1alpha1", "Rollout", leads::<apps::v1::Deployment>),
];

/// Follows a path in a kind; none where its fields are not known here.
pub(super) fn follow(api_version: &str, kind: &str, path: &[PathStep]) -> Option<Leads> {
    let (.., leads) = KINDS.iter().find(|(version, name, _)| *version == api_version && *name == kind)?;
    let own = kind == "Rollout" && path.get(1) == Some(&PathStep::Key("strategy".to_owned()));
    (!own).then(|| leads(path))
}

fn leads<T: for<'de> Deserialize<'de>>(path: &[PathStep]) -> Leads {
    match T::deserialize(PathWalk { path, at: 0 }) {
        // Nothing is ever read to its end.
        Ok(_) => Leads::Wrong(0),
        Err(Stop(leads)) => leads,
    }
}

/// How a walk ends: always before a value was made.
#[derive(Debug)]
struct Stop(Leads);

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl std::error::Error for Stop {}

impl serde::de::Error for Stop {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self(Leads::To(Takes::Any))
    }
}

/// A path that is walked: a document that has this one value, of which no more is known than where it is.
#[derive(Clone, Copy)]
struct PathWalk<'p> {
    path: &'p [PathStep],
    at: usize,
}

impl PathWalk<'_> {
    fn next(self) -> Self {
        Self { at: self.at + 1, ..self }
    }

    fn step(&self) -> Option<&PathStep> {
        self.path.get(self.at)
    }

    /// A value stands here.
    fn value<T>(self, takes: Takes) -> Result<T, Stop> {
        Err(Stop(if self.step().is_none() { Leads::To(takes) } else { Leads::Wrong(self.at) }))
    }
}

impl<'de> IntoDeserializer<'de, Stop> for PathWalk<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! values {
    ($($takes:ident: $($method:ident)*;)*) => {
        $($(fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
            self.value(Takes::$takes)
        })*)*
    };
}

impl<'de> Deserializer<'de> for PathWalk<'_> {
    type Error = Stop;

    values! {
        Truth: deserialize_bool;
        Whole: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64;
        Number: deserialize_f32 deserialize_f64;
        Text: deserialize_char deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf deserialize_identifier;
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
        self.value(Takes::Any)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.deserialize_any(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Stop> {
        self.deserialize_any(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        // The server takes `2` for "2" (apimachinery, `Quantity.UnmarshalJSON`).
        if name == "Quantity" { self.value(Takes::Any) } else { visitor.visit_newtype_struct(self) }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        match self.step() {
            Some(PathStep::Item(_)) => visitor.visit_seq(SeqDeserializer::new(std::iter::once(self.next()))),
            _ => self.value(Takes::More),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Stop> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        match self.step() {
            Some(PathStep::Key(key)) => {
                visitor.visit_map(MapDeserializer::new(std::iter::once((key.as_str(), self.next()))))
            }
            _ => self.value(Takes::More),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        match self.step() {
            Some(PathStep::Key(key)) if !fields.contains(&key.as_str()) => {
                Err(Stop(Leads::Nowhere(self.at, fields)))
            }
            _ => self.deserialize_map(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Stop> {
        self.value(Takes::Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::steps;

    #[test]
    fn paths_lead_where_the_api_has_fields() {
        for (version, kind, path, takes) in [
            ("apps/v1", "Deployment", "spec.replicas", Takes::Whole),
            ("apps/v1", "Deployment", "spec.paused", Takes::Truth),
            ("apps/v1", "Deployment", "spec.template.spec.containers[0].image", Takes::Text),
            ("apps/v1", "Deployment", "spec.template.spec.containers[0].resources.limits.cpu", Takes::Any),
            ("apps/v1", "Deployment", "spec.strategy.rollingUpdate.maxSurge", Takes::Any),
            ("apps/v1", "Deployment", r"metadata.annotations.example\.com/x", Takes::Text),
            ("apps/v1", "Deployment", "spec.template", Takes::More),
            ("apps/v1", "StatefulSet", "spec.volumeClaimTemplates[0].spec.storageClassName", Takes::Text),
            ("batch/v1", "CronJob", "spec.jobTemplate.spec.backoffLimit", Takes::Whole),
            ("v1", "Service", "spec.ports[0].targetPort", Takes::Any),
            (
                "autoscaling/v2",
                "HorizontalPodAutoscaler",
                "spec.metrics[0].resource.target.averageUtilization",
                Takes::Whole,
            ),
            ("argoproj.io/v1alpha1", "Rollout", "spec.replicas", Takes::Whole),
        ] {
            let leads = follow(version, kind, &steps(path).unwrap());
            assert_eq!(leads, Some(Leads::To(takes)), "{kind} {path}");
        }
        let nowhere = |kind: &str, path: &str| follow("apps/v1", kind, &steps(path).unwrap()).unwrap();
        assert!(
            matches!(nowhere("Deployment", "replicas"), Leads::Nowhere(0, fields) if fields.contains(&"spec"))
        );
        assert!(
            matches!(nowhere("Deployment", "spec.replcas"), Leads::Nowhere(1, fields) if fields.contains(&"replicas"))
        );
        assert!(matches!(nowhere("DaemonSet", "spec.replicas"), Leads::Nowhere(1, _)));
        assert_eq!(nowhere("Deployment", "spec.replicas.x"), Leads::Wrong(2));
        assert_eq!(nowhere("Deployment", "spec.template.spec.containers.image"), Leads::Wrong(4));
        assert_eq!(follow("acme.example.com/v1", "Deployment", &steps("spec.replicas").unwrap()), None);
    }
}
