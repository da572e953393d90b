//! Graphs that are damaged, too large, or not classifiers.

use super::{Builder, image, int};

#[test]
fn graphs_that_are_none_are_rejected_by_name() {
    image()
        .node("Relu", &["b"], "a", &[])
        .node("Relu", &["a"], "b", &[])
        .head("b", 3)
        .rejected(&["cycle"]);
    image()
        .head("missing", 3)
        .rejected(&["`missing`", "no node"]);
    image()
        .node("Relu", &["x"], "a", &[])
        .node("Relu", &["x"], "a", &[])
        .head("a", 3)
        .rejected(&["both output `a`"]);
    image()
        .floats("w", &[1])
        .floats("w", &[1])
        .head("x", 3)
        .rejected(&["`w` is defined twice"]);
    image()
        .floats("w", &[8, 5, 1, 1])
        .node("Conv", &["x", "w"], "a", &[])
        .head("a", 8)
        .rejected(&["(Conv)", "do not fit 3 channels"]);
    image()
        .floats("w", &[8, 3, 1 << 40, 1 << 40])
        .node("Conv", &["x", "w"], "a", &[])
        .head("a", 8)
        .rejected(&["tensor `w`", "more than"]);
    Builder::new(&[1, 3, 1 << 40, 8])
        .head("x", 3)
        .rejected(&["a side of"]);
    Builder::new(&[1, 3]).head("x", 3).rejected(&["2 axes"]);
    image()
        .node("Relu", &["x"], "y", &[])
        .rejected(&["rows [batch, values]"]);
}

#[test]
fn other_networks_than_trees_and_other_layers_are_named() {
    // a -> b -> sum, a -> c, and c uses b too: these are not two branches with a single join.
    image()
        .floats("w", &[3, 3, 1, 1])
        .node("Conv", &["x", "w"], "a", &[])
        .node("Conv", &["x", "w"], "b", &[])
        .node("Add", &["a", "b"], "c", &[])
        .node("Conv", &["a", "w"], "d", &[])
        .node("Conv", &["c", "w"], "e", &[])
        .node("Add", &["d", "e"], "f", &[])
        .head("f", 3)
        .rejected(&["`Conv/a`", "joined at different nodes"]);
    image()
        .node("InstanceNormalization", &["x"], "a", &[])
        .head("a", 3)
        .rejected(&["(InstanceNormalization)", "group norm"]);
    image()
        .node("Resize", &["x"], "a", &[])
        .head("a", 3)
        .rejected(&["upsampling"]);
}

#[test]
fn values_that_grow_from_node_to_node_are_counted() {
    // Each concatenation doubles the channels, and each product of shapes doubles a constant.
    let mut builder = image();
    let mut name = "x".to_string();
    for step in 0..40 {
        let next = format!("x{step}");
        builder = builder.node("Concat", &[&name, &name], &next, &[int("axis", 1)]);
        name = next;
    }
    builder
        .head(&name, 3)
        .rejected(&["more values than are supported"]);
    image()
        .integers("shape", &[1 << 14, 1 << 14, 4])
        .node("ConstantOfShape", &["shape"], "c", &[])
        .node("Mul", &["x", "c"], "d", &[])
        .head("d", 3)
        .rejected(&["more than the"]);
}

#[test]
fn images_of_any_size_need_one() {
    let network = || {
        let mut builder = Builder::new(&[1, 3, 0, 0]);
        builder.graph.input[0].name = "x".into();
        builder.head("x", 3)
    };
    let error = network().read().unwrap_err();
    assert!(error.contains("any height and width"), "{error}");
}
