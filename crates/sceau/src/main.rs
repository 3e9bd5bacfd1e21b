//! `sceau`: an MSSanté operator in one program. See `sceau --help`, `docs/cli.md`.
fn main() -> std::process::ExitCode {
    sceau::run()
}
