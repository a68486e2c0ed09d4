//! The values and functions that Go's own tests work on, as far as this crate
//! can hold them: structs are objects, pointers are what they point to.

use crate::{
    Function, FunctionError, Functions, List, Map, Member, Object, Signature, Text, Type,
    UnsignedType, Value,
};
use std::sync::Arc;

#[derive(Clone, Debug, Default)]
pub(super) struct Struct {
    type_name: &'static str,
    members: Vec<(&'static str, Member)>,
    text: Option<&'static str>,
    is_nil: bool,
    shown: Vec<Value>,
}

impl Struct {
    fn new(type_name: &'static str) -> Self {
        Self {
            type_name,
            ..Self::default()
        }
    }

    fn field(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.members.push((name, Member::Field(value.into())));
        self
    }

    fn interface(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.members.push((name, Member::Interface(value.into())));
        self
    }

    fn method(mut self, name: &'static str, function: Function) -> Self {
        self.members
            .push((name, Member::Method(Arc::new(function))));
        self
    }

    fn showing(mut self, values: impl Into<Vec<Value>>) -> Self {
        self.shown = values.into();
        self
    }

    fn speaking(mut self, text: &'static str) -> Self {
        self.text = Some(text);
        self
    }

    fn nil(mut self) -> Self {
        self.is_nil = true;
        self
    }

    fn value(self) -> Value {
        Value::Object(Arc::new(self))
    }
}

impl Object for Struct {
    fn type_name(&self) -> &str {
        self.type_name
    }

    fn member(&self, name: &str) -> Option<Member> {
        let found = self.members.iter().find(|(known, _)| *known == name);
        found.map(|(_, member)| member.clone())
    }

    fn fields(&self) -> Vec<(Arc<str>, Value)> {
        let named = |value: &Value| ("field".into(), value.clone());
        self.shown.iter().map(named).collect()
    }

    fn text(&self) -> Option<Text> {
        self.text.map(Text::from)
    }

    fn implements(&self, interface: &str) -> bool {
        interface == "fmt.Stringer" && self.text.is_some()
            || interface == "template.V" && self.type_name.ends_with("template.V")
    }

    fn is_true(&self) -> bool {
        !self.is_nil
    }
}

fn ints(numbers: &[i64]) -> Value {
    Value::List(List::new(
        Type::INT,
        numbers.iter().copied().map(Value::int),
    ))
}

fn int_map(entries: &[(&str, i64)]) -> Value {
    let entries = entries
        .iter()
        .map(|(key, number)| (*key, Value::int(*number)));
    Value::Map(Map::new(Type::INT, entries))
}

pub(super) fn string_map(entries: &[(&str, &str)]) -> Value {
    let entries = entries.iter().map(|(key, text)| (*key, Value::from(*text)));
    Value::Map(Map::new(Type::String, entries))
}

fn shown(value: &Value) -> String {
    crate::print::shown(value, 'v')
}

fn function<F>(signature: Signature, body: F) -> Function
where
    F: Fn(&[Value]) -> Result<Value, FunctionError> + Send + Sync + 'static,
{
    Function::new(signature, move |_, arguments| body(arguments))
}

fn returning(of: Type, value: Value) -> Function {
    function(Signature::new([], of), move |_| Ok(value.clone()))
}

fn failing(message: &'static str) -> Function {
    function(Signature::new([], Type::String), move |_| {
        Err(FunctionError::new(message))
    })
}

fn joined(values: &[Value]) -> String {
    values.iter().map(shown).collect::<Vec<_>>().join("+")
}

fn number(value: &Value) -> i64 {
    match value {
        Value::Integer(number, _) => *number,
        other => panic!("no integer: {other:?}"),
    }
}

fn u(text: &'static str) -> Value {
    let true_false = function(Signature::new([Type::Bool], Type::String), |arguments| {
        Ok(if arguments[0].is_true() { "true" } else { "" }.into())
    });
    Struct::new("*template.U")
        .field("V", text)
        .method("TrueFalse", true_false)
        .showing([text.into()])
        .value()
}

/// Methods of Go's type `T`, on any value of it.
fn with_methods(of: Struct) -> Struct {
    of.method("Method0", returning(Type::String, "M0".into()))
        .method(
            "Method1",
            function(Signature::new([Type::INT], Type::INT), |arguments| {
                Ok(arguments[0].clone())
            }),
        )
        .method(
            "Method2",
            function(
                Signature::new(
                    [Type::Unsigned(UnsignedType::Uint16), Type::String],
                    Type::String,
                ),
                |arguments| {
                    let [a, b] = [&arguments[0], &arguments[1]].map(shown);
                    Ok(format!("Method2: {a} {b}").into())
                },
            ),
        )
        .method(
            "Method3",
            function(Signature::new([Type::Any], Type::String), |arguments| {
                Ok(format!("Method3: {}", shown(&arguments[0])).into())
            }),
        )
        .method(
            "MyError",
            function(
                Signature::new([Type::Bool], Type::Bool).fallible(),
                |arguments| match arguments[0].is_true() {
                    true => Err(FunctionError::new("my error")),
                    false => Ok(Value::Bool(false)),
                },
            ),
        )
        .method("GetU", returning(Type::Named("*template.U".into()), u("v")))
}

fn functions_of_t(of: Struct) -> Struct {
    let binary = function(
        Signature::new([Type::String, Type::String], Type::String),
        |arguments| {
            let [a, b] = [&arguments[0], &arguments[1]].map(shown);
            Ok(format!("[{a}={b}]").into())
        },
    );
    let variadic = function(
        Signature::new([], Type::String).variadic(Type::String),
        |arguments| Ok(format!("<{}>", joined(arguments)).into()),
    );
    let variadic_int = function(
        Signature::new([Type::INT], Type::String).variadic(Type::String),
        |arguments| {
            let rest = joined(&arguments[1..]);
            Ok(format!("{}=<{rest}>", shown(&arguments[0])).into())
        },
    );
    let nil_ok = function(Signature::new([Type::Any], Type::Bool), |arguments| {
        Ok(Value::Bool(matches!(arguments[0], Value::Nil)))
    });
    let add = function(
        Signature::new(
            [Type::INT, ints(&[]).type_of().unwrap()],
            ints(&[]).type_of().unwrap(),
        ),
        |arguments| match &arguments[1] {
            Value::List(list) => Ok(ints(
                &list
                    .items()
                    .iter()
                    .map(|item| number(item) + number(&arguments[0]))
                    .collect::<Vec<_>>(),
            )),
            other => panic!("no list: {other:?}"),
        },
    );
    let value = |function| Value::Function(Arc::new(function));
    of.field("BinaryFunc", value(binary))
        .field("VariadicFunc", value(variadic))
        .field("VariadicFuncInt", value(variadic_int))
        .field("NilOKFunc", value(nil_ok))
        .field("ErrFunc", value(returning(Type::String, "bla".into())))
        .field("PanicFunc", value(failing("test panic")))
        .method("MAdd", add)
}

/// The value that Go's tests of execution call `tVal`.
pub(super) fn t() -> Value {
    let other = with_methods(Struct::new("*template.T").field("X", "x")).value();
    let texts = Value::List(List::new(Type::String, ["a".into(), "b".into()]));
    let maps = [
        int_map(&[("one", 1), ("two", 2)]),
        int_map(&[("eleven", 11), ("twelve", 12)]),
    ];
    let of = Struct::new("*template.T")
        .field("True", true)
        .field("I", Value::int(17))
        .field("U16", Value::Unsigned(16, UnsignedType::Uint16))
        .field("X", "x")
        .field("S", "xyz")
        .field("FloatZero", 0.0)
        .field("ComplexZero", Value::Complex(0.0, 0.0))
        .field("U", u("v"))
        .field("V0", Struct::new("template.V").speaking("<6666>").value())
        .field("V1", Struct::new("*template.V").speaking("<7777>").value())
        .field(
            "V2",
            Struct::new("*template.V").speaking("nilV").nil().value(),
        )
        .field("W0", Struct::new("template.W").speaking("[888]").value())
        .field("W1", Struct::new("*template.W").speaking("[999]").value())
        .field(
            "W2",
            Struct::new("*template.W").speaking("nilW").nil().value(),
        )
        .field("SI", ints(&[3, 4, 5]))
        .field("SIEmpty", ints(&[]))
        .field(
            "SB",
            Value::List(List::new(Type::Bool, [true.into(), false.into()])),
        )
        .field("AI", ints(&[3, 4, 5]))
        .field("PAI", ints(&[3, 4, 5]))
        .field("MSI", int_map(&[("one", 1), ("two", 2), ("three", 3)]))
        .field("MSIone", int_map(&[("one", 1)]))
        .field("MSIEmpty", int_map(&[]))
        .field("MXI", int_map(&[("one", 1)]))
        .field(
            "SMSI",
            Value::List(List::new(maps[0].type_of().unwrap(), maps)),
        )
        .interface("Empty0", Value::Nil)
        .interface("Empty1", Value::int(3))
        .interface("Empty2", "empty2")
        .interface("Empty3", ints(&[7, 8]))
        .interface("Empty4", u("UinEmpty"))
        .interface("NonEmptyInterface", other.clone())
        .field("NonEmptyInterfacePtS", texts)
        .field(
            "NonEmptyInterfaceTypedNil",
            with_methods(Struct::new("*template.T")).nil().value(),
        )
        .field(
            "Str",
            Struct::new("*bytes.Buffer").speaking("foozle").value(),
        )
        .field(
            "Err",
            Struct::new("*errors.errorString")
                .speaking("erroozle")
                .value(),
        )
        .field("PI", Value::int(23))
        .field("PS", "a string")
        .field("PSI", ints(&[21, 22, 23]))
        .field("NIL", Struct::new("*int").speaking("<nil>").nil().value())
        .field("UPI", Struct::new("unsafe.Pointer").value())
        .field("EmptyUPI", Struct::new("unsafe.Pointer").nil().value());
    let of = functions_of_t(with_methods(of));
    let copy = with_methods(Struct::new("*template.T").field("I", Value::int(17))).value();
    let copied = returning(Type::Named("*template.T".into()), copy);
    of.method("Copy", copied).value()
}

/// The data of a row of Go's table of executions, by the row's name.
pub(super) fn data_of(name: &str, input: &str) -> Value {
    match name {
        "$ int" => Value::int(123),
        "dot int" => Value::int(13),
        "dot uint" => Value::Unsigned(14, UnsignedType::Uint),
        "dot float" => Value::Float(15.1),
        "dot bool" => true.into(),
        "dot complex" => Value::Complex(16.2, -17.0),
        "dot slice" => ints(&[-1, -2, -3]),
        "dot map" => int_map(&[("two", 22)]),
        "dot struct" => Struct::new("struct { a int; b string }")
            .showing([Value::int(7), "seven".into()])
            .value(),
        "Interface Call" => {
            let buffer = Struct::new("*bytes.Buffer").speaking("foozle").value();
            Value::map([("S", buffer)])
        }
        "method on nil value from slice" => {
            let nil = with_methods(Struct::new("*template.T").nil()).value();
            Value::List(List::new(Type::Named("*template.T".into()), [nil]))
        }
        "bug9" => string_map(&[("cause", "neglect")]),
        "bug18a" => Value::Integer(i64::from(u32::from('.')), crate::IntegerType::Int32),
        "bug18b" => Value::Integer(i64::from(u32::from('e')), crate::IntegerType::Int32),
        "bug18c" => Value::Integer(i64::from(u32::from('P')), crate::IntegerType::Int32),
        name if name.starts_with("range uintptr") => {
            let count = if name.contains("(0)") { 0 } else { 5 };
            Value::Unsigned(count, UnsignedType::Uintptr)
        }
        _ if input.contains(".Unknown") || input.contains(".foo") => Value::Nil,
        _ if input.contains("(.)") => Value::Nil,
        _ => t(),
    }
}

/// The data of Go's table of comparisons.
pub(super) fn comparison_data() -> Value {
    let pointer = Struct::new("*int").value();
    Struct::new("struct")
        .field("Uthree", Value::Unsigned(3, UnsignedType::Uint))
        .field("Ufour", Value::Unsigned(4, UnsignedType::Uint))
        .field("NegOne", Value::int(-1))
        .field("Three", Value::int(3))
        .field("Ptr", pointer.clone())
        .field("NilPtr", Value::Nil)
        .field("NonNilMap", int_map(&[]))
        .field("Map", Value::Nil)
        .interface("Iface1", pointer)
        .interface("NilIface", Value::Nil)
        .value()
}

/// The data of Go's table on values of `reflect`.
pub(super) fn reflected_data() -> Value {
    let plus_one = function(Signature::new([Type::INT], Type::INT), |arguments| {
        Ok(Value::int(number(&arguments[0]) + 1))
    });
    Value::map([
        ("PlusOne", Value::Function(Arc::new(plus_one))),
        ("Slice", ints(&[0, 1, 2, 3])),
        ("One", Value::int(1)),
        ("Two", Value::int(2)),
        ("Nil", Value::Nil),
        ("Zero", Value::int(0)),
    ])
}

/// The functions that Go's tests of execution add.
pub(super) fn functions() -> Functions {
    let mut functions = Functions::new();
    let mut add = |name: &str, function| functions.insert(name, function).unwrap();
    let one_text = || Signature::new([Type::String], Type::String);
    add(
        "add",
        function(
            Signature::new([], Type::INT).variadic(Type::INT),
            |arguments| Ok(Value::int(arguments.iter().map(number).sum())),
        ),
    );
    add(
        "count",
        function(Signature::new([Type::INT], Type::Any), |arguments| {
            let count = usize::try_from(number(&arguments[0])).unwrap();
            let letters = "abcdefghijklmnop".chars().take(count);
            Ok(Value::list(letters.map(|letter| letter.to_string().into())))
        }),
    );
    add(
        "dddArg",
        function(
            Signature::new([Type::INT], Type::String).variadic(Type::String),
            |arguments| Ok(shown(&arguments[0]).into()),
        ),
    );
    add("die", failing("die"));
    add("doPanic", failing("custom panic string"));
    add(
        "echo",
        function(Signature::new([Type::Any], Type::Any), |arguments| {
            Ok(arguments[0].clone())
        }),
    );
    add(
        "makemap",
        function(
            Signature::new([], Type::Map(Arc::new(Type::String))).variadic(Type::String),
            |arguments| {
                let texts: Vec<String> = arguments.iter().map(shown).collect();
                let entries: Vec<(&str, &str)> = texts
                    .chunks_exact(2)
                    .map(|pair| (pair[0].as_str(), pair[1].as_str()))
                    .collect();
                Ok(string_map(&entries))
            },
        ),
    );
    add("mapOfThree", returning(Type::Any, int_map(&[("three", 3)])));
    add(
        "oneArg",
        function(one_text(), |arguments| {
            Ok(format!("oneArg={}", shown(&arguments[0])).into())
        }),
    );
    add("returnInt", returning(Type::INT, Value::int(7)));
    add(
        "stringer",
        function(
            Signature::new([Type::Named("fmt.Stringer".into())], Type::String),
            |arguments| Ok(shown(&arguments[0]).into()),
        ),
    );
    add(
        "twoArgs",
        function(
            Signature::new([Type::String, Type::String], Type::String),
            |arguments| Ok(format!("twoArgs={}", joined(arguments).replace('+', "")).into()),
        ),
    );
    add(
        "typeOf",
        function(Signature::new([Type::Any], Type::String), |arguments| {
            let of = arguments[0].type_of();
            Ok(of.map_or("<nil>".to_owned(), |of| of.to_string()).into())
        }),
    );
    add(
        "valueString",
        function(one_text(), |_| Ok("value is ignored".into())),
    );
    let v = || Type::Named("template.V".into());
    add(
        "vfunc",
        function(Signature::new([v(), v()], Type::String), |_| {
            Ok("vfunc".into())
        }),
    );
    add("zeroArgs", returning(Type::String, "zeroArgs".into()));
    functions
}
