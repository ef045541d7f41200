//! More changes of the fixture, each with the roots it touches: overlays, patches, variables, sets, and texts that come to the same.

use crate::impact::{CLUSTERS, Edits};

const ALL: &[&str] = &CLUSTERS;
const LATER: &[&str] = &["staging", "prod"];
const MAP: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more, namespace: default}\ndata: {a: b}\n";

pub(crate) const MORE: &[(&str, &[&str], Edits<'static>)] = &[
    (
        "replicas that one overlay sets itself",
        &["dev", "staging"],
        &[("apps/base/web/deployment.yaml", "replicas: 1", "replicas: 2")],
    ),
    ("the image of a database", LATER, &[("apps/base/db/db.yaml", "db:16", "db:17")]),
    ("the size of a database's volume", LATER, &[("apps/base/db/db.yaml", "5Gi", "10Gi")]),
    ("a schedule", LATER, &[("apps/base/db/agent.yaml", "0 3 * * *", "0 4 * * *")]),
    ("a tenant's role", ALL, &[("tenants/base/team-a/team.yaml", "name: admin}", "name: edit}")]),
    (
        "a component less",
        &["staging"],
        &[("apps/staging/kustomization.yaml", "components: [../../components/metrics]\n", "")],
    ),
    (
        "a component that nobody uses",
        &[],
        &[(
            "components/debug/kustomization.yaml",
            "",
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamePrefix: debug-\n",
        )],
    ),
    (
        "a patch that merges",
        &["dev"],
        &[(
            "apps/dev/kustomization.yaml",
            "images:",
            "patches:\n  - patch: |\n      apiVersion: v1\n      kind: Service\n      metadata: {name: web, namespace: shop}\n      spec: {type: NodePort}\nimages:",
        )],
    ),
    (
        "a patch of operations",
        &["prod"],
        &[(
            "apps/prod/kustomization.yaml",
            "images:",
            "patches:\n  - target: {kind: Service, name: web}\n    patch: |\n      - {op: add, path: /spec/type, value: NodePort}\nimages:",
        )],
    ),
    (
        "a patch that meets nothing",
        &[],
        &[(
            "apps/prod/kustomization.yaml",
            "images:",
            "patches:\n  - target: {kind: Ingress}\n    patch: |\n      - {op: add, path: /spec/type, value: NodePort}\nimages:",
        )],
    ),
    ("a name suffix", &["prod"], &[("apps/prod/kustomization.yaml", "images:", "nameSuffix: -eu\nimages:")]),
    (
        "another namespace for an overlay",
        &["dev"],
        &[("apps/dev/kustomization.yaml", "images:", "namespace: store\nimages:")],
    ),
    (
        "names without a hash",
        ALL,
        &[(
            "apps/base/web/kustomization.yaml",
            "configMapGenerator:",
            "generatorOptions: {disableNameSuffixHash: true}\nconfigMapGenerator:",
        )],
    ),
    (
        "a generated Secret",
        &["dev"],
        &[(
            "apps/dev/kustomization.yaml",
            "images:",
            "secretGenerator:\n  - name: token\n    namespace: shop\n    literals: [A=b]\nimages:",
        )],
    ),
    (
        "annotations on an overlay",
        &["prod"],
        &[("apps/prod/kustomization.yaml", "images:", "commonAnnotations: {owner: shop}\nimages:")],
    ),
    (
        "an object more in a base",
        ALL,
        &[
            ("apps/base/web/kustomization.yaml", "service.yaml]", "service.yaml, more.yaml]"),
            ("apps/base/web/more.yaml", "", MAP),
        ],
    ),
    ("an object more for one cluster", &["prod"], &[("clusters/prod/more.yaml", "", MAP)]),
    ("pruning is switched off", &["dev"], &[("clusters/dev/apps.yaml", "prune: true", "prune: false")]),
    (
        "another folder",
        &["staging"],
        &[("clusters/staging/apps.yaml", "path: ./apps/staging", "path: ./apps/prod")],
    ),
    (
        "a Kustomization that patches",
        &["prod"],
        &[(
            "clusters/prod/tenants.yaml",
            "  commonMetadata:",
            "  patches:\n    - patch: |\n        apiVersion: v1\n        kind: Namespace\n        metadata: {name: team-a, annotations: {a: b}}\n  commonMetadata:",
        )],
    ),
    (
        "a variable set by hand",
        &["dev"],
        &[("clusters/dev/apps.yaml", "cluster: \"dev\"}", "cluster: \"dev\", domain: dev.test}")],
    ),
    ("a preview less", &["dev"], &[("clusters/dev/previews.yaml", "    - {name: two, tag: \"1.1\"}\n", "")]),
    (
        "an input that nothing uses",
        &["dev"],
        &[("clusters/dev/previews.yaml", "tag: \"1.0\"}", "tag: \"1.0\", note: x}")],
    ),
    ("a release's interval", ALL, &[("tenants/base/team-a/release.yaml", "interval: 1h", "interval: 2h")]),
    ("a space in a generator's file", ALL, &[("apps/base/web/app.properties", "threads=4", "threads=4 ")]),
    (
        "a comment in a generator's file",
        ALL,
        &[("infrastructure/base/ingress-values.yaml", "controller:", "# the front\ncontroller:")],
    ),
    ("a separator more", &[], &[("apps/base/web/service.yaml", "apiVersion: v1", "---\napiVersion: v1")]),
    ("quotes around a text", &[], &[("apps/base/web/deployment.yaml", "name: HOST", "name: \"HOST\"")]),
    ("a tenant's object more", LATER, &[("tenants/jobs/team-b/more.yaml", "", MAP)]),
    (
        "two clusters at once",
        &["dev", "prod"],
        &[
            ("apps/dev/kustomization.yaml", "2.0.0-rc1", "2.0.0"),
            ("infrastructure/prod/vars.yaml", "region: north", "region: east"),
        ],
    ),
];
