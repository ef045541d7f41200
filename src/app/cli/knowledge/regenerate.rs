//! `rwenv services regenerate` and `rwenv guide regenerate`.

use super::args::Regenerate;
use super::live;
use super::source::flux_of;
use crate::cli::out;
use rwenv_flux::catalog::generate::{self, CatalogReport};
use rwenv_gate::base::environment::Environment;

/// Makes the files anew and says what they hold.
pub(super) fn regenerate(args: &Regenerate, environment: &Environment) -> anyhow::Result<u8> {
    let (rwenv, flux) = flux_of(args.name.as_deref(), environment)?;
    let flux = flux?;
    let reading = generate::read(&flux, environment)?;
    let report = generate::make(&flux, &reading, environment)?;
    let compared =
        if args.offline { None } else { live::beside(&reading.knowledge(), &rwenv, &flux, environment)? };
    if args.output.json {
        out::json(&report)?;
    } else {
        tell(&report);
        compared.iter().for_each(|compared| out::line(&live::summary(compared)));
    }
    for failed in &report.failed {
        out::note(&format!("Failed to parse {failed}. Check YAML syntax."));
    }
    if !report.findings.is_empty() && !args.output.json {
        let what = if report.findings.len() == 1 { "thing is" } else { "things are" };
        out::note(&format!(
            "{} {what} wrong in the repository: rwenv guide show findings",
            report.findings.len()
        ));
    }
    Ok(0)
}

fn tell(report: &CatalogReport) {
    out::line("Regenerated flux-infra-guide data files:\n");
    let line = |file: &str, what: String| out::line(&format!("  {file:<22}{what}"));
    line("services.json:", format!("{} services mapped", report.services));
    line("", format!("{} imageGroups configured", report.image_groups));
    let argo = if report.applications > 0 {
        format!(", {} Applications", report.applications)
    } else {
        String::new()
    };
    line(
        "flux-resources.json:",
        format!("{} Kustomizations, {} HelmReleases{argo}", report.kustomizations, report.helm_releases),
    );
    let others =
        if report.secrets > 0 { format!(", {} other secrets", report.secrets) } else { String::new() };
    line("secrets-map.json:", format!("{} SecretProviderClasses{others}", report.secret_provider_classes));
    line("configmaps.json:", format!("{} ConfigMaps, {} variables", report.config_maps, report.variables));
    line("services-catalog.json:", format!(" {} services", report.services));
    out::line(&format!("\nSource: {}\nGenerated at: {}", report.source, report.generated_at));
}
