//! The change of a manifest that stands for a command.

use super::kinds::kind_named;
use super::{Plan, Planned, quoted};
use crate::classify;
use crate::model::{WantedObject, Word};

/// The object and the fields that a line of one command of kubectl's would change.
///
/// # Errors
/// Where it is another line, or more than fields of one object; why.
pub fn wanted(plan: &Plan) -> Result<WantedObject, String> {
    match plan.planned.as_slice() {
        [planned] if plan.opaque.is_empty() => wanted_by(planned),
        _ => Err("it is not exactly one command of kubectl".to_owned()),
    }
}

/// The same of one command of a line.
///
/// # Errors
/// As [`wanted`]'s.
pub fn wanted_by(planned: &Planned) -> Result<WantedObject, String> {
    let operation = &planned.operation;
    let fields = classify::wanted(&planned.invocation, operation)?;
    let target = &operation.target;
    let ([kind], [name]) = (target.kinds.as_slice(), target.names.as_slice()) else {
        return Err("it does not name exactly one object".to_owned());
    };
    let kind = kind_named(kind).ok_or_else(|| format!("'{kind}' is not a kind that rwenv knows"))?.to_owned();
    Ok(WantedObject { kind, name: name.clone(), namespace: target.namespace.clone(), fields })
}

/// The command that proposes the change of a manifest in the place of this one, in a rwenv; none where there is no such change.
pub(super) fn proposal(planned: &Planned, rwenv: &str, shown: bool) -> Option<String> {
    wanted_by(planned).ok()?;
    let words: Option<Vec<&str>> = planned.invocation.argv.iter().map(Word::as_literal).collect();
    let line: Vec<String> = words?.into_iter().map(quoted).collect();
    let how = if shown { "--dry-run " } else { "" };
    Some(format!("rwenv propose --cluster {} {how}-- {}", quoted(rwenv), line.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::plan;
    use crate::model::Context;

    fn told(line: &str) -> Result<String, String> {
        let plan = plan(line, &Context { cwd: "/p".to_owned(), home: "/h".to_owned(), ..Context::default() });
        let object = wanted(&plan)?;
        let fields = object.fields.iter().map(|field| {
            let quote = if field.is_text { "'" } else { "" };
            format!("{}={quote}{}{quote}", field.title(), field.value)
        });
        Ok(format!("{} {} {}", object.kind, object.name, fields.collect::<Vec<_>>().join(" ")))
    }

    #[test]
    fn fields_are_what_the_command_would_change() {
        let container = "spec.template.spec.containers";
        for (line, fields) in [
            ("kubectl -n shop scale deploy/web --replicas 5", "Deployment web spec.replicas=5".to_owned()),
            ("kubectl scale --replicas=2 sts db", "StatefulSet db spec.replicas=2".to_owned()),
            (
                "kubectl set image deploy/web web=acme/web:2",
                format!("Deployment web {container}[web].image='acme/web:2'"),
            ),
            (
                "kubectl set image deploy web '*=acme/web:2' -n shop",
                format!("Deployment web {container}[*].image='acme/web:2'"),
            ),
            (
                "kubectl set env deploy/web LOG=debug -c web",
                format!("Deployment web {container}[web].env[LOG].value='debug'"),
            ),
            (
                "kubectl annotate --overwrite svc web a.b/c=true",
                "Service web metadata.annotations[a.b/c]='true'".to_owned(),
            ),
            (
                "kubectl label ns shop team=a tier=1",
                "Namespace shop metadata.labels.team='a' metadata.labels.tier='1'".to_owned(),
            ),
            (
                "kubectl rollout restart deploy/web",
                "Deployment web spec.template.metadata.annotations[kubectl.kubernetes.io/restartedAt]=''"
                    .to_owned(),
            ),
            (
                r#"kubectl patch deploy web -p '{"spec":{"paused":true}}'"#,
                "Deployment web spec.paused=true".to_owned(),
            ),
            (
                r#"kubectl patch deploy web -p '{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"w:2"}]}}}}'"#,
                format!("Deployment web {container}[web].image='w:2'"),
            ),
            (
                r#"kubectl patch deploy web --type json -p '[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"w:2"}]'"#,
                format!("Deployment web {container}[0].image='w:2'"),
            ),
        ] {
            assert_eq!(told(line).as_deref(), Ok(fields.as_str()), "{line}");
        }
    }

    #[test]
    fn what_is_more_than_fields_of_one_object_is_none() {
        for line in [
            "kubectl delete pod p",
            "kubectl scale deploy/web deploy/api --replicas 5",
            "kubectl scale deploy/web --replicas $N",
            "kubectl scale deploy/web --replicas many",
            "kubectl scale -f web.yaml --replicas 2",
            "kubectl scale deploy/web --replicas 2 --current-replicas 1",
            "kubectl scale deploy/web --replicas 2; kubectl delete pod p",
            "kubectl set image deploy -l app=web web=w:2",
            "kubectl set env deploy/web LOG-",
            "kubectl set env deploy/web --from=cm/x",
            "kubectl label deploy/web team-",
            "kubectl annotate widgets w a=b",
            r#"kubectl patch deploy web -p '{"spec":{"paused":null}}'"#,
            r#"kubectl patch deploy web --type merge -p '{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"w"}]}}}}'"#,
            r#"kubectl patch deploy web --type json -p '[{"op":"remove","path":"/spec/paused"}]'"#,
            "kubectl patch deploy web --patch-file p.json",
            "helm upgrade web ./chart",
        ] {
            assert!(told(line).is_err(), "{line}: {:?}", told(line));
        }
    }
}
