//! The job that indexes a BAL: memory, speed, bytes; and what searches in it take.
use super::{ANNE, Options, deliver, measure, world};
use sceau_operator::search::Page;
use std::sync::Arc;
use std::time::Instant;

/// Delivers, indexes, asks; prints a table.
pub async fn bench(o: &Options) {
    let mut o = o.clone();
    o.one_bal = true;
    let (messages, w) = (o.messages, Arc::new(world(&o).await));
    deliver(&w, &o, 0, move |n| n >= messages).await;
    let stored = measure::folder_bytes(w.store.folder());
    let resident = measure::resident_mib();
    measure::forget_peak();
    w.store.clock.advance_ms(10_000);
    let began = Instant::now();
    while w.op.run_due_jobs().await.expect("jobs") > 0 {}
    let took = began.elapsed().as_secs_f64();
    let added = measure::folder_bytes(w.store.folder()).saturating_sub(stored);
    println!(
        "| messages | size | memory before MiB | peak while indexing | after | messages/s | bytes on disk a message |"
    );
    println!("|---|---|---|---|---|---|---|");
    println!(
        "| {messages} | {} B | {resident:.0} | {:.0} | {:.0} | {:.0} | {} |",
        o.size,
        measure::peak_mib(),
        measure::resident_mib(),
        messages as f64 / took,
        added / messages
    );
    let actor = w.actor("anne", ANNE).await;
    println!("| question | first, ms | then, ms (median of 9) | hits |\n|---|---|---|---|");
    for question in ["patient", "\"compte rendu\"", "\"patient ordo*\"", "ordo*", "créatininémie -diabète"] {
        let query = w.op.query(question).expect("a question");
        let (mut times, mut hits) = (Vec::new(), 0);
        for _ in 0..10 {
            let began = Instant::now();
            let found =
                w.op.find_messages(&actor, &query, None, Page { before: None, limit: 50 }).await.expect("found");
            times.push(began.elapsed().as_secs_f64() * 1000.0);
            hits = found.hits.len();
        }
        times[1..].sort_by(f64::total_cmp);
        println!("| {question} | {:.1} | {:.1} | {hits} |", times[0], times[5]);
    }
    println!("memory {:.0} MiB", measure::resident_mib());
}
