//! Writes the description of REST, as the program serves it: `cargo run -p sceau-web --example openapi > docs/openapi.json`.
fn main() {
    println!("{}", sceau_web::api::document());
}
