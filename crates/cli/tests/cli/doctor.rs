//! What the machine and the student are.

use serde_json::Value;

use crate::command::{printed, refused};

#[test]
fn the_machine_its_kernels_and_the_speed_are_told_to_machines_too() {
    let value: Value = serde_json::from_str(&printed(&["doctor", "--json"])).unwrap();
    assert!(value["threads"].as_u64() > Some(0) && value["features"].is_array(), "{value}");
    assert!(value["kernels"].is_string() && value["pairs_per_second"].as_f64() > Some(0.0), "{value}");
}

#[test]
fn a_forced_instruction_set_is_used_and_an_absent_one_is_a_mistake() {
    let value: Value = serde_json::from_str(&printed(&["doctor", "--json", "--isa", "portable"])).unwrap();
    assert_eq!(value["kernels"], "portable");
    assert_eq!(value["product_int8"]["kernel"], "PortableInt8");
    assert!(value["product_int8"]["gflop_per_second"].as_f64() > Some(0.0), "{value}");
    let message = refused(&["doctor", "--isa", "mmx"]);
    assert!(message.contains("no instruction set mmx; it has portable"), "{message}");
}
