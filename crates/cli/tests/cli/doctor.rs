//! What the machine and the student are.

use serde_json::Value;

use crate::command::printed;

#[test]
fn the_machine_its_kernels_and_the_speed_are_told_to_machines_too() {
    let value: Value = serde_json::from_str(&printed(&["doctor", "--json"])).unwrap();
    assert!(value["threads"].as_u64() > Some(0) && value["features"].is_array(), "{value}");
    assert!(value["kernels"].is_string() && value["pairs_per_second"].as_f64() > Some(0.0), "{value}");
}
