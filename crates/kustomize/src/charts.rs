//! `helmCharts`: what is asked of whoever inflates charts.

use crate::file::Fields;
use crate::files::{Files, file_position};
use crate::kustomization::Located;
use crate::needs::Need;
use crate::resource::Resource;
use crate::{BuildError, read};
use trueup_artifact::TreePath;
use trueup_object::{Position, Text};
use trueup_yaml::Node;

/// Where charts lie below the root if `helmGlobals` don't say.
const DEFAULT_CHART_HOME: &str = "charts";

/// An entry of `helmCharts`, with the fields of kustomize's API. Texts that
/// are not given are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChartInflation {
    /// The folder of the root that asks; paths are read from here.
    pub root: String,
    /// `helmGlobals.chartHome`, `charts` if it is not given.
    pub chart_home: Text,
    /// The chart.
    pub name: Text,
    /// Its version, or a range of versions.
    pub version: Text,
    /// The URL of its repository.
    pub repository: Text,
    /// `.Release.Name`.
    pub release_name: Text,
    /// `.Release.Namespace`.
    pub namespace: Text,
    /// A template of the release's name.
    pub name_template: Text,
    /// A file of values in the place of the chart's own.
    pub values_file: Text,
    /// Further files of values.
    pub additional_values_files: Vec<Text>,
    /// Values written out, as YAML.
    pub values_inline: Text,
    /// `merge`, `override` or `replace`.
    pub values_merge: Text,
    /// `.Capabilities.APIVersions`, beside the known ones.
    pub api_versions: Vec<Text>,
    /// `.Capabilities.KubeVersion`.
    pub kube_version: Text,
    /// Whether definitions of custom resources are among the manifests.
    pub include_crds: bool,
    /// Whether hooks are left out.
    pub skip_hooks: bool,
    /// Whether tests are left out.
    pub skip_tests: bool,
    /// Whether versions that are no releases may be taken.
    pub devel: bool,
}

const KNOWN: [&str; 17] = [
    "name",
    "version",
    "repo",
    "releaseName",
    "namespace",
    "additionalValuesFiles",
    "valuesFile",
    "valuesInline",
    "valuesMerge",
    "includeCRDs",
    "skipHooks",
    "apiVersions",
    "kubeVersion",
    "nameTemplate",
    "skipTests",
    "debug",
    "devel",
];

const KNOWN_OLD: [&str; 13] = [
    "chartName",
    "chartVersion",
    "chartRepoUrl",
    "chartHome",
    "chartRepoName",
    "helmBin",
    "helmHome",
    "values",
    "valuesLocal",
    "valuesMerge",
    "releaseName",
    "releaseNamespace",
    "extraArgs",
];

/// The charts of a kustomization file: those of `helmCharts`, then those of
/// the older `helmChartInflationGenerator`.
pub(crate) fn read(fields: &Fields<'_>) -> Result<Vec<Located<ChartInflation>>, BuildError> {
    let home = fields.optional("helmGlobals", |node| {
        let known = ["chartHome", "configHome"];
        Fields::of(&fields.file(), node, "helmGlobals", &known)?.text("chartHome")
    })?;
    let mut charts = fields.list("helmCharts", chart)?;
    charts.extend(fields.list("helmChartInflationGenerator", old_chart)?);
    for chart in &mut charts {
        let own = std::mem::take(&mut chart.value.chart_home);
        let given = [own, home.clone().unwrap_or_default()];
        let found = given.into_iter().find(|text| !text.is_empty());
        chart.value.chart_home = found.unwrap_or_else(|| DEFAULT_CHART_HOME.into());
    }
    Ok(charts)
}

fn chart(file: &Text, node: &Node) -> Result<Located<ChartInflation>, BuildError> {
    of_fields(&Fields::of(file, node, "an entry of helmCharts", &KNOWN)?)
}

/// The chart that the configuration of a plugin asks for.
pub(crate) fn of_plugin(fields: &Fields<'_>) -> Result<ChartInflation, BuildError> {
    let mut chart = of_fields(fields)?.value;
    chart.chart_home = match fields.text("chartHome")? {
        home if home.is_empty() => DEFAULT_CHART_HOME.into(),
        home => home,
    };
    Ok(chart)
}

fn of_fields(fields: &Fields<'_>) -> Result<Located<ChartInflation>, BuildError> {
    let chart = ChartInflation {
        name: fields.text("name")?,
        version: fields.text("version")?,
        repository: fields.text("repo")?,
        release_name: fields.text("releaseName")?,
        namespace: fields.text("namespace")?,
        name_template: fields.text("nameTemplate")?,
        values_file: fields.text("valuesFile")?,
        additional_values_files: fields.texts("additionalValuesFiles")?,
        values_inline: inline(fields, "valuesInline"),
        values_merge: fields.text("valuesMerge")?,
        api_versions: fields.texts("apiVersions")?,
        kube_version: fields.text("kubeVersion")?,
        include_crds: fields.flag("includeCRDs")?,
        skip_hooks: fields.flag("skipHooks")?,
        skip_tests: fields.flag("skipTests")?,
        devel: fields.flag("devel")?,
        ..ChartInflation::default()
    };
    Ok(Located {
        value: chart,
        position: fields.position(),
    })
}

fn old_chart(file: &Text, node: &Node) -> Result<Located<ChartInflation>, BuildError> {
    let what = "an entry of helmChartInflationGenerator";
    let fields = Fields::of(file, node, what, &KNOWN_OLD)?;
    let chart = ChartInflation {
        chart_home: fields.text("chartHome")?,
        name: fields.text("chartName")?,
        version: fields.text("chartVersion")?,
        repository: fields.text("chartRepoUrl")?,
        release_name: fields.text("releaseName")?,
        values_file: fields.text("values")?,
        values_inline: inline(&fields, "valuesLocal"),
        values_merge: fields.text("valuesMerge")?,
        ..ChartInflation::default()
    };
    Ok(Located {
        value: chart,
        position: fields.position(),
    })
}

fn inline(fields: &Fields<'_>, name: &str) -> Text {
    let values = fields.get(name);
    values.map_or_else(Text::new, |values| trueup_yaml::emit(values).into())
}

/// The need for a chart as the root in a folder asks for it.
pub(crate) fn need(files: &Files<'_>, folder: &TreePath, chart: &ChartInflation) -> Need {
    Need::Chart(Box::new(ChartInflation {
        root: files.outside.name_of(folder),
        ..chart.clone()
    }))
}

/// The manifests of a chart.
pub(crate) fn inflate(
    files: &mut Files<'_>,
    folder: &TreePath,
    chart: &ChartInflation,
    position: &Position,
) -> Result<Vec<Resource>, BuildError> {
    let need = need(files, folder, chart);
    let name = format!("chart {}", chart.name);
    let bytes = files.outside.bytes(need, position)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| BuildError::BadFile {
        position: file_position(&name),
        message: "expected UTF-8 text".to_owned(),
    })?;
    read::from_text(&file_position(&name), text, files.limits())
}
