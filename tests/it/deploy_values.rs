//! Deployments: which image is meant, which values are set, and who else they are for.

use crate::deploy::{Shop, changed_lines};

/// A Kustomization of Flux for a folder.
fn kustomization(name: &str, folder: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: flux-system}}\n\
         spec: {{interval: 10m, path: ./{folder}, prune: true, sourceRef: {{kind: GitRepository, name: flux-system}}}}\n"
    )
}

/// A shop with more in it: files of the folder `more`, which Flux applies.
fn shop(files: &[(&str, &str)]) -> Shop {
    let shop = Shop::new("");
    shop.home.write("work/clusters/shop/more.yaml", &kustomization("more", "more"));
    for (name, text) in files {
        shop.home.write(&format!("work/more/{name}"), text);
    }
    shop.push("more");
    shop
}

/// A release with these values.
fn release(name: &str, values: &str) -> String {
    let values: String = values.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: {name}, namespace: shop}}\nspec:\n  interval: 10m\n  \
         chart: {{spec: {{chart: {name}, sourceRef: {{kind: HelmRepository, name: charts}}}}}}\n  values:\n{values}"
    )
}

/// A Deployment with this pod.
fn deployment(name: &str, pod: &str) -> String {
    let pod: String = pod.lines().map(|line| format!("      {line}\n")).collect();
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: shop}}\nspec:\n  selector: {{matchLabels: {{app: {name}}}}}\n  \
         template:\n    metadata:\n      labels: {{app: {name}}}\n    spec:\n{pod}"
    )
}

/// An Application of a chart; what its `source` has beside.
fn application(name: &str, more: &str) -> String {
    let more: String = more.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: {name}, namespace: argocd}}\nspec:\n  project: default\n  \
         destination: {{namespace: shop, server: https://kubernetes.default.svc}}\n  source:\n    repoURL: https://charts.example.com\n    chart: {name}\n    \
         targetRevision: 1.0.0\n{more}"
    )
}

/// The lines a dry run would change, or what it says instead.
fn dry(shop: &Shop, arguments: &[&str]) -> String {
    changed_lines(shop.deploy(&[arguments, &["--dry-run"]].concat()))
}

#[test]
fn images_without_a_name_are_told_apart_by_their_places() {
    let shop = shop(&[
        ("control.yaml", &release("control", "etcd:\n  image:\n    tag: v3.6.13\nimage:\n  tag: 1.2.3")),
        ("store.yaml", &release("store", "etcd:\n  image:\n    tag: v3.6.13")),
        ("fleet.yaml", &release("fleet", "api:\n  image: {tag: v1}\nworker:\n  image: {tag: v1}")),
        (
            "media.yaml",
            &release(
                "media",
                "controllers:\n  media:\n    containers:\n      app:\n        image: {repository: ghcr.io/acme/player, tag: v1}\n      vpn:\n        image: {repository: ghcr.io/acme/vpn, tag: v1}",
            ),
        ),
        (
            "board.yaml",
            &release(
                "board",
                "extraInitContainers:\n  - name: login\n    image: mcr.example.com/azure-cli:2.1\nsidecar:\n  image: {repository: acme/sidecar, tag: v1}",
            ),
        ),
    ]);
    let own = dry(&shop, &["control", "--image-tag", "1.3.0"]);
    assert_eq!(own, "-      tag: 1.2.3\n+      tag: 1.3.0\n");
    for place in ["etcd.image", ".spec.values.etcd.image.tag"] {
        let named = dry(&shop, &["control", "--image-tag", "v3.7.0", "--image", place]);
        assert_eq!(named, "-        tag: v3.6.13\n+        tag: v3.7.0\n");
    }
    // One that is not the service's is not taken for it because there is no other.
    let other = dry(&shop, &["store", "--image-tag", "1.3.0"]);
    assert!(other.contains("store sets no tag of an image of its own in this repository, but of etcd.image; say which: --image NAME"), "{other}");
    let several = dry(&shop, &["fleet", "--image-tag", "v2"]);
    assert!(
        several.contains("fleet runs several images: api.image, worker.image; say which: --image NAME"),
        "{several}"
    );
    let worker = dry(&shop, &["fleet", "--image-tag", "v2", "--image", "worker.image"]);
    assert_eq!(worker, "-      image: {tag: v1}\n+      image: {tag: v2}\n");
    let main = dry(&shop, &["media", "--image-tag", "v2"]);
    assert!(
        main.contains("+            image: {repository: ghcr.io/acme/player, tag: v2}")
            && !main.contains("vpn"),
        "{main}"
    );
    let beside = dry(&shop, &["board", "--image-tag", "11.0.0"]);
    assert!(
        beside.contains("board runs several images: acme/sidecar, mcr.example.com/azure-cli; say which"),
        "{beside}"
    );
    let init = dry(&shop, &["board", "--image-tag", "2.2", "--image", "azure-cli"]);
    assert_eq!(
        init,
        "-        image: mcr.example.com/azure-cli:2.1\n+        image: mcr.example.com/azure-cli:2.2\n"
    );
}

#[test]
fn the_main_container_is_the_service_and_others_are_named() {
    let shop = shop(&[
        ("desk.yaml", &deployment("desk", "initContainers:\n  - name: login\n    image: mcr.example.com/azure-cli:2.1\n  - name: migrate\n    image: acme/front:v1\n  - name: proxy\n    restartPolicy: Always\n    image: acme/proxy:v1\ncontainers:\n  - name: agent\n    image: acme/agent:v1\n  - name: desk\n    image: acme/front:v1")),
        ("pair.yaml", &deployment("pair", "containers:\n  - name: one\n    image: acme/one:v1\n  - name: two\n    image: acme/two:v1").replace("      labels: {app: pair}\n", "      labels: {app: pair}\n      annotations: {kubectl.kubernetes.io/default-container: two}\n")),
    ]);
    // What is the same image moves with it.
    let main = dry(&shop, &["desk", "--image-tag", "v2"]);
    assert_eq!(
        main.matches("+        image: acme/front:v2\n").count()
            + main.matches("+          image: acme/front:v2\n").count(),
        2,
        "{main}"
    );
    assert_eq!(main.lines().count(), 4, "{main}");
    let beside = |name: &str| dry(&shop, &["desk", "--image-tag", "v2", "--image", name]);
    assert!(beside("login").contains("azure-cli:v2") && beside("login").lines().count() == 2);
    assert!(beside("acme/proxy").contains("acme/proxy:v2"));
    assert!(beside("agent").contains("acme/agent:v2"));
    assert!(beside("initContainers[1].image").lines().count() == 2);
    assert!(
        beside("nothing").contains("runs several images: acme/agent, acme/front"),
        "{}",
        beside("nothing")
    );
    let annotated = dry(&shop, &["pair", "--image-tag", "v2"]);
    assert!(annotated.contains("acme/two:v2") && annotated.lines().count() == 2, "{annotated}");
}

#[test]
fn a_field_that_a_kind_does_not_have_is_not_set() {
    let shop = shop(&[
        (
            "ssd.yaml",
            &deployment("agents", "containers:\n  - name: agents\n    image: acme/agents:v1")
                .replace("kind: Deployment", "kind: DaemonSet"),
        ),
        (
            "roll.yaml",
            &deployment("roll", "containers:\n  - name: roll\n    image: acme/roll:v1")
                .replace("apps/v1", "argoproj.io/v1alpha1")
                .replace("kind: Deployment", "kind: Rollout")
                .replace("spec:\n  selector", "spec:\n  strategy: {canary: {maxSurge: 1}}\n  selector"),
        ),
    ]);
    for (service, pair, expected) in [
        ("web", "replicas=3", "a Deployment has no field replicas; did you mean spec.replicas?"),
        ("web", "spec.replcas=3", "a Deployment has no field spec.replcas; did you mean spec.replicas?"),
        ("web", "nodeSelector.disk=ssd", "did you mean spec.template.spec.nodeSelector.disk?"),
        ("web", "imagePullPolicy=Always", "did you mean spec.template.spec.containers[0].imagePullPolicy?"),
        (
            "web",
            "spec.template.spec.containers.image=x",
            "a Deployment has no field spec.template.spec.containers.image",
        ),
        ("web", "kind=Foo", "kind identifies the object and cannot be set"),
        ("web", "apiVersion=v1", "apiVersion identifies the object and cannot be set"),
        ("web", "metadata.name=other", "metadata.name identifies the object and cannot be set"),
        ("web", "metadata.namespace=other", "metadata.namespace identifies the object and cannot be set"),
        ("web", "status.replicas=1", "status.replicas is written by the cluster"),
        ("web", "spec.replicas=three", "spec.replicas takes a whole number"),
        ("web", "spec.paused=1", "spec.paused takes true or false"),
        ("web", "spec.template=1", "spec.template is a mapping or a list"),
        ("agents", "spec.replicas=2", "a DaemonSet has no field spec.replicas"),
        ("roll", "spec.strategy.canary.steps=2", "rwenv does not know the fields of a Rollout"),
        ("roll", "replicas=2", "did you mean spec.replicas?"),
    ] {
        let answer = shop.deploy(&[service, "--set", pair]);
        assert!(answer.code == 1 && answer.stderr.contains(expected), "{pair}: {}", answer.stderr);
    }
    assert_eq!(shop.branches(), ["main"]);
    for (service, pair, expected) in [
        ("web", "spec.replicas=3", "+  replicas: 3\n"),
        ("web", "spec.replicas=${replicas}", "+  replicas: \"${replicas}\"\n"),
        (
            "web",
            "spec.strategy.rollingUpdate.maxSurge=25%",
            "+  strategy:\n+    rollingUpdate:\n+      maxSurge: \"25%\"\n",
        ),
        (
            "web",
            "spec.template.spec.containers[0].resources.limits.cpu=2",
            "+          resources:\n+            limits:\n+              cpu: 2\n",
        ),
        (
            "web",
            "spec.template.spec.nodeSelector.generation=2",
            "+      nodeSelector:\n+        generation: \"2\"\n",
        ),
        (
            "roll",
            "spec.strategy.canary.maxSurge=2",
            "-  strategy: {canary: {maxSurge: 1}}\n+  strategy: {canary: {maxSurge: 2}}\n",
        ),
        ("roll", "spec.replicas=2", "+  replicas: 2\n"),
    ] {
        let changed = dry(&shop, &[service, "--set", pair]);
        assert!(changed.contains(expected), "{pair}: {changed}");
    }
    let help = shop.run(&["deploy", "--help"]).stdout;
    assert!(help.contains("rwenv deploy web --set spec.replicas=3"), "{help}");
}

#[test]
fn values_of_an_application_s_chart_are_where_the_application_has_them() {
    let tree = "helm:\n  valuesObject:\n    image:\n      tag: v1\n    replicas: 1";
    let text = "helm:\n  values: |\n    # its values\n    image:\n      repository: acme/text\n      tag: v1";
    let list = "helm:\n  parameters:\n    - name: image.tag\n      value: v1\n    - name: other.image\n      value: acme/other:v1\n  releaseName: list";
    let several = application("several", "").replace(
        "  source:\n    repoURL: https://charts.example.com\n    chart: several\n    targetRevision: 1.0.0\n",
        "  sources:\n    - repoURL: https://charts.example.com\n      chart: several\n      targetRevision: 1.0.0\n      helm:\n        valueFiles: [$own/more/values/several.txt]\n    - repoURL: https://git.example.com/shop/flux.git\n      targetRevision: main\n      ref: own\n",
    ).replace("several.txt", "several.yaml");
    let shop = shop(&[
        ("tree.yaml", &application("tree", tree)),
        ("text.yaml", &application("text", text)),
        ("list.yaml", &application("list", list)),
        ("bare.yaml", &application("bare", "")),
        ("several.yaml", &several),
        ("kustomization.yaml", "resources: [tree.yaml, text.yaml, list.yaml, bare.yaml, several.yaml]\n"),
        ("values/several.yaml", "image:\n  repository: acme/several\n  tag: v1\n"),
    ]);
    for (service, expected) in [
        ("tree", "-          tag: v1\n+          tag: v2\n"),
        ("text", "-          tag: v1\n+          tag: v2\n"),
        ("list", "-          value: v1\n+          value: v2\n"),
        ("several", "-  tag: v1\n+  tag: v2\n"),
    ] {
        assert_eq!(dry(&shop, &[service, "--image-tag", "v2"]), expected, "{service}");
        assert_eq!(dry(&shop, &[service, "--set", "image.tag=v2"]), expected, "{service}");
    }
    assert_eq!(
        dry(&shop, &["list", "--image-tag", "v2", "--image", "other"]),
        "-          value: acme/other:v1\n+          value: acme/other:v2\n"
    );
    for (service, pair, expected) in [
        ("tree", "port=8", "+        port: 8\n"),
        ("text", "port=8", "+        port: 8\n"),
        ("list", "port=8", "+        - name: port\n+          value: \"8\"\n"),
        ("several", "port=8", "+port: 8\n"),
        ("bare", "a.b=c", "+    helm:\n+      valuesObject:\n+        a:\n+          b: c\n"),
        (
            "bare",
            "spec.source.targetRevision=2.0.0",
            "-    targetRevision: 1.0.0\n+    targetRevision: 2.0.0\n",
        ),
        (
            "bare",
            "spec.syncPolicy.automated.prune=true",
            "+  syncPolicy:\n+    automated:\n+      prune: true\n",
        ),
    ] {
        assert_eq!(dry(&shop, &[service, "--create", "--set", pair]), expected, "{service} {pair}");
    }
    for (pair, expected) in [
        ("port=8", "Application tree sets no value port. To write it as a new one, at more/tree.yaml:"),
        ("tag=v2", "Did you mean image.tag?"),
        ("spec.image.tag=v2", "an Application has no field spec.image.tag"),
        ("spec.source.targetRevison=2", "did you mean spec.source.targetRevision?"),
        ("kind=Foo", "kind identifies the object and cannot be set"),
        ("metadata.name=other", "metadata.name identifies the object and cannot be set"),
    ] {
        let answer = shop.deploy(&["tree", "--set", pair]);
        assert!(answer.code == 1 && answer.stderr.contains(expected), "{pair}: {}", answer.stderr);
    }
}

/// Two clusters that build on one base; `prod` has a number of replicas of its own.
fn fleet(more: &str) -> Shop {
    let shop = Shop::new(more);
    let sync = shop.home.read("work/clusters/shop/flux-system/gotk-sync.yaml");
    shop.home.write(
        "work/clusters/prod/flux-system/gotk-sync.yaml",
        &sync.replace("clusters/shop", "clusters/prod"),
    );
    for cluster in ["shop", "prod"] {
        shop.home.write(
            &format!("work/clusters/{cluster}/fleet.yaml"),
            &kustomization("fleet", &format!("fleet/{cluster}")),
        );
        shop.home.write(&format!("work/fleet/{cluster}/kustomization.yaml"), "resources: [../base]\n");
    }
    shop.home.write("work/fleet/prod/kustomization.yaml", "resources: [../base]\npatches:\n  - patch: |\n      apiVersion: apps/v1\n      kind: Deployment\n      metadata: {name: front, namespace: shop}\n      spec:\n        replicas: 9\n");
    shop.home.write("work/fleet/base/kustomization.yaml", "resources: [front.yaml, back.yaml]\n");
    let front = deployment("front", "containers:\n  - name: front\n    image: acme/front:v1");
    shop.home.write(
        "work/fleet/base/front.yaml",
        &front.replace("spec:\n  selector", "spec:\n  replicas: 1\n  selector"),
    );
    shop.home.write("work/fleet/base/back.yaml", &release("back", "replicas: 1"));
    shop.push("the fleet");
    shop
}

#[test]
fn values_that_another_cluster_has_too_are_told_and_asked_about() {
    let shop = fleet(r#","directPush":true"#);
    for (service, change, other) in [
        ("shop/back", ["--set", "replicas=2"], "HelmRelease shop/back (prod)"),
        ("shop/back", ["--create", "--set=new.value=2"], "HelmRelease shop/back (prod)"),
        ("shop/back", ["--set-string", "replicas=2"], "HelmRelease shop/back (prod)"),
        ("shop/front", ["--set", "spec.minReadySeconds=2"], "Deployment shop/front (prod)"),
        ("shop/front", ["--image-tag", "v2"], "Deployment shop/front (prod)"),
    ] {
        let shown = shop.deploy(&[service, change[0], change[1], "--dry-run"]);
        assert!(
            shown.code == 0 && shown.stderr.contains(&format!("the same place counts for: {other}\n")),
            "{change:?}: {}",
            shown.stderr
        );
        let asked = shop.deploy(&[service, change[0], change[1]]);
        assert!(asked.code == 1 && asked.stderr.contains("say --yes"), "{change:?}: {}", asked.stderr);
    }
    assert_eq!(shop.remote(&["log", "--format=%s", "main"]), "the fleet\nthe shop\n", "nothing was pushed");
    // What prod sets itself stays as it is there.
    let own = shop.deploy(&["shop/front", "--set", "spec.replicas=2", "--dry-run"]);
    assert!(own.code == 0 && !own.stderr.contains("(prod)"), "{}", own.stderr);
    let sent = shop.deploy(&["shop/back", "--set", "replicas=2", "--yes"]);
    assert!(sent.stderr.contains("stopped with the change on the branch Flux follows"), "{}", sent.stderr);
    assert!(
        shop.remote(&["log", "-1", "--format=%B", "main"])
            .contains("The same place counts for: HelmRelease shop/back (prod)")
    );
}

#[test]
fn a_variable_that_others_use_is_theirs_too() {
    let shop = shop(&[
        ("one.yaml", &deployment("one", "containers:\n  - name: one\n    image: acme/one:${version}")),
        (
            "two.yaml",
            &deployment(
                "two",
                "containers:\n  - name: two\n    image: acme/two:stable\n    env: [{name: VERSION, value: \"${version}\"}]",
            ),
        ),
        ("three.yaml", &deployment("three", "containers:\n  - name: three\n    image: acme/three:v1")),
    ]);
    let text = kustomization("more", "more")
        .replace("prune: true", "prune: true, postBuild: {substitute: {version: v1}}");
    shop.home.write("work/clusters/shop/more.yaml", &text);
    shop.push("a variable");
    let shown = shop.deploy(&["one", "--image-tag", "v2", "--dry-run"]);
    assert!(shown.stdout.contains("substitute: {version: v2}"), "{}{}", shown.stdout, shown.stderr);
    assert!(shown.stderr.contains("the same place counts for: Deployment shop/two\n"), "{}", shown.stderr);
}

#[test]
fn the_version_of_a_chart_is_changed_where_it_is_written() {
    let with = |name: &str, chart: &str| {
        format!(
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: {name}, namespace: shop}}\nspec:\n  interval: 10m\n{chart}"
        )
    };
    let oci = |reference: &str| {
        format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {{name: dns, namespace: shop}}\nspec:\n  interval: 1h\n  url: oci://ghcr.io/acme/dns\n  ref:\n    {reference}\n"
        )
    };
    let chart = |version: &str| {
        format!(
            "  chart:\n    spec:\n      chart: x\n      sourceRef: {{kind: HelmRepository, name: charts}}\n{version}"
        )
    };
    let by_oci = with("dns", "  chartRef: {kind: OCIRepository, name: dns}\n");
    let cases: [(&str, &str, String, &str); 7] = [
        (
            "cert",
            "cert.yaml",
            with("cert", &chart("      version: v1.20.0 # keep\n")),
            "-      version: v1.20.0 # keep\n+      version: v1.21.0 # keep\n",
        ),
        ("bare", "bare.yaml", with("bare", &chart("")), "+      version: v1.21.0\n"),
        (
            "dns",
            "dns.yaml",
            format!("{by_oci}---\n{}", oci("tag: 1.0.0")),
            "-    tag: 1.0.0\n+    tag: v1.21.0\n",
        ),
        (
            "dns",
            "dns.yaml",
            format!("{by_oci}---\n{}", oci("semver: 1.x")),
            "chooses the version of dns by its semver",
        ),
        (
            "argo",
            "argo.yaml",
            application("argo", ""),
            "-    targetRevision: 1.0.0\n+    targetRevision: v1.21.0\n",
        ),
        (
            "front",
            "front.yaml",
            deployment("front", "containers:\n- name: front\n  image: acme/front:v1"),
            "is a Deployment and has no chart",
        ),
        (
            "var",
            "var.yaml",
            with("var", &chart("      version: ${VAR_VERSION}\n")),
            "is the variable VAR_VERSION, which nothing in this repository sets",
        ),
    ];
    for (service, file, text, wanted) in cases {
        let shop = shop(&[(file, &text)]);
        let told = dry(&shop, &[service, "--chart-version", "v1.21.0"]);
        assert!(told == wanted || (!wanted.contains('\n') && told.contains(wanted)), "{service}: {told}");
    }
    let shop = shop(&[("cert.yaml", &with("cert", &chart("      version: v1.20.0\n")))]);
    let wrong = dry(&shop, &["cert", "--chart-version", "v1\nx"]);
    assert!(wrong.contains("is not a chart version"), "{wrong}");
}
