//! `template.yaml` as a JSON value, its tags written out: `!Ref x` is `{"Ref": "x"}`, `!Sub x` is `{"Fn::Sub": "x"}`.

use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::{Map, Value, json};

/// The template.
pub(crate) fn template() -> Value {
    let text = include_str!("../../../../template.yaml");
    let documents = Yaml::load_from_str(text).unwrap();
    assert_eq!(documents.len(), 1);
    read(&documents[0])
}

fn read(node: &Yaml<'_>) -> Value {
    match node {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(flag)) => json!(flag),
        Yaml::Value(Scalar::Integer(number)) => json!(number),
        Yaml::Value(Scalar::FloatingPoint(number)) => json!(number.into_inner()),
        Yaml::Value(Scalar::String(text)) => json!(text),
        Yaml::Sequence(items) => items.iter().map(read).collect(),
        Yaml::Mapping(fields) => {
            let field = |(name, value)| (text(name), read(value));
            Value::Object(fields.iter().map(field).collect::<Map<_, _>>())
        }
        Yaml::Tagged(tag, value) => written_out(&tag.suffix, read(value)),
        other @ (Yaml::Representation(..) | Yaml::Alias(_) | Yaml::BadValue) => {
            panic!("CloudFormation takes no such YAML: {other:?}")
        }
    }
}

fn text(name: &Yaml<'_>) -> String {
    name.as_str().expect("names are texts").to_owned()
}

/// The long form of a tag (CloudFormation user guide, "Intrinsic function reference").
fn written_out(tag: &str, value: Value) -> Value {
    match tag {
        "Ref" | "Condition" => json!({ tag: value }),
        "GetAtt" => {
            let path = value.as_str().unwrap();
            json!({"Fn::GetAtt": path.split_once('.').unwrap()})
        }
        _ => json!({ format!("Fn::{tag}"): value }),
    }
}

/// The resources of a type, with their names.
pub(crate) fn resources<'t>(
    template: &'t Value,
    kind: &'t str,
) -> impl Iterator<Item = (&'t str, &'t Value)> {
    let all = template["Resources"].as_object().unwrap().iter();
    all.filter(move |(_, resource)| resource["Type"] == kind)
        .map(|(name, resource)| (name.as_str(), &resource["Properties"]))
}

/// The functions by the name of their binary, which the zip's path has.
pub(crate) fn functions(template: &Value) -> impl Iterator<Item = (&str, &Value)> {
    resources(template, "AWS::Serverless::Function").map(|(_, function)| {
        let zip = function["CodeUri"].as_str().unwrap();
        let name = zip.strip_prefix("target/lambda/").unwrap();
        (name.strip_suffix("/bootstrap.zip").unwrap(), function)
    })
}

/// What a function's role allows.
pub(crate) fn allowed<'t>(template: &'t Value, function: &Value) -> Vec<Statement<'t>> {
    let role = function["Role"]["Fn::GetAtt"][0].as_str().unwrap();
    let policies = template["Resources"][role]["Properties"]["Policies"]
        .as_array()
        .unwrap();
    let statements = policies
        .iter()
        .flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap());
    statements.map(Statement::read).collect()
}

/// A statement of a policy.
#[derive(Debug)]
pub(crate) struct Statement<'t> {
    pub(crate) allows: bool,
    pub(crate) actions: Vec<&'t str>,
    pub(crate) resources: Vec<&'t Value>,
}

impl<'t> Statement<'t> {
    pub(crate) fn read(statement: &'t Value) -> Self {
        Self {
            allows: statement["Effect"] == "Allow",
            actions: listed(&statement["Action"])
                .into_iter()
                .map(|action| action.as_str().unwrap())
                .collect(),
            resources: listed(&statement["Resource"]),
        }
    }
}

/// The items of a list, or the one thing that stands in its place.
fn listed(value: &Value) -> Vec<&Value> {
    value
        .as_array()
        .map_or_else(|| vec![value], |items| items.iter().collect())
}
