//! The job: the lines of an import, one by one, from where it stands.
use super::line::{Step, Worked};
use super::place;
use crate::record::By;
use crate::rights::permit;
use crate::{Actor, Door, Operator, Origin, PersonRef, Who, refuse};
use sceau_domain::people_file::Places;
use sceau_domain::{Lang, Refusal, RefusalCode, UseCase};
use sceau_store::imports::{self as rows, End, Import, Line};
use sceau_store::{Id, StoreError, Tx, accounts, jobs, structures};
use serde_json::json;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Lines looked up at once.
const SLICE: i64 = 100;
/// Lines worked on before another import has its turn.
const TURN: usize = 2_000;

/// An import with what its lines need.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub import: Import,
    pub actor: Actor,
    pub places: Places,
    /// Code of the structure.
    pub structure: Option<String>,
}

/// How a refusal ends a line.
pub(super) fn wrong(refusal: &Refusal) -> End {
    End {
        state: if refusal.code == RefusalCode::ImportRepeated { "skipped" } else { "wrong" },
        code: refusal.code.as_str().into(),
        sentence_fr: refusal.sentence(Lang::Fr),
        sentence_en: refusal.sentence(Lang::En),
        login: None,
        result: None,
    }
}

/// Is it the line's fault? What is ours is tried again later.
fn is_ours(refusal: &Refusal) -> bool {
    matches!(refusal.code, RefusalCode::Unavailable | RefusalCode::StorageFull | RefusalCode::ShuttingDown)
}

impl Operator {
    /// Works through an import until it is over, its turn is, or `stop`.
    pub(crate) async fn work_on_import(&self, id: Id, stop: &CancellationToken) -> Result<(), Refusal> {
        let Some(mut task) = self.import_task(id).await? else { return Ok(()) };
        let mut left = TURN;
        loop {
            let after = task.import.next_line;
            let found = self.0.store.read::<_, StoreError, _>(move |tx| rows::lines(tx, id, after, None, SLICE)).await;
            let lines = found.map_err(|e| refuse::store(&e))?;
            if lines.is_empty() {
                return self.end_import(&task, "done", None).await;
            }
            for line in lines {
                if left == 0 || stop.is_cancelled() {
                    return self.import_again(id).await;
                }
                left -= 1;
                let number = line.line;
                match self.one_line(&task, line).await? {
                    Step::Next => task.import.next_line = number,
                    // Another worker has it, or it was cancelled.
                    Step::Elsewhere => return Ok(()),
                    Step::Stopped(why) => return self.end_import(&task, "stopped", Some(why)).await,
                }
            }
        }
    }

    /// What an import needs; none when it does not run.
    async fn import_task(&self, id: Id) -> Result<Option<Task>, Refusal> {
        let look = move |tx: &mut dyn Tx| {
            let Some(import) = rows::by_id(tx, id)?.filter(|i| i.state == "running") else { return Ok(None) };
            let person = accounts::person_by_id(tx, import.person_id)?;
            let structure = match import.structure_id {
                Some(id) => structures::by_id(tx, id)?.map(|s| s.code),
                None => None,
            };
            Ok::<_, StoreError>(person.map(|p| (import, p, structure)))
        };
        let Some((import, person, structure)) = self.0.store.read(look).await.map_err(|e| refuse::store(&e))? else {
            return Ok(None);
        };
        let places = serde_json::from_str(&import.header).map_err(|_| RefusalCode::Unavailable)?;
        let who = Who::Person(PersonRef { id: person.id, login: person.login, name: person.name });
        let (door, session) = (Door::System, format!("import-{id}"));
        let origin = Origin { door, remote: None, session, tls: None, once: None };
        Ok(Some(Task { import, actor: Actor { who, bal: None, credential: None, origin }, places, structure }))
    }

    /// Works on one line and ends it.
    async fn one_line(&self, task: &Task, line: Line) -> Result<Step, Refusal> {
        // It could not be read when it came.
        if line.state == "wrong" {
            let end = End {
                state: "wrong",
                code: line.code.unwrap_or_default(),
                sentence_fr: line.sentence_fr.unwrap_or_default(),
                sentence_en: line.sentence_en.unwrap_or_default(),
                login: None,
                result: None,
            };
            return self.end_line(task, line.line, end).await;
        }
        let number = line.line;
        match self.carry_line_out(task, line).await {
            Ok(Worked::Ended(opening)) => {
                if let Some(opening) = opening {
                    // What waits is carried out when it need not wait any more: at the acceptance, or in a round of housekeeping.
                    if let Err(refusal) = self.go_on_with(opening, &task.actor).await {
                        tracing::warn!(opening, code = refusal.code.as_str(), "a request is carried out later");
                    }
                }
                Ok(Step::Next)
            }
            Ok(Worked::Told(end)) => self.end_line(task, number, end).await,
            Ok(Worked::Step(step)) => Ok(step),
            Err(refusal) if is_ours(&refusal) => Err(refusal),
            Err(refusal) => self.end_line(task, number, wrong(&refusal)).await,
        }
    }

    /// Ends a line that changed nothing; who started the import must still have the right.
    async fn end_line(&self, task: &Task, number: i64, end: End) -> Result<Step, Refusal> {
        let (task, now) = (task.clone(), self.now().0);
        let write = move |tx: &mut dyn Tx| {
            if let Err(fail) = permit(tx, &task.actor, UseCase::ImportStart, place(&task.import)) {
                return super::line::stopped(fail);
            }
            let ended = rows::end_line(tx, task.import.id, task.import.next_line, number, &end, now)?;
            Ok(if ended { Step::Next } else { Step::Elsewhere })
        };
        Ok(self.0.store.write::<_, crate::refuse::Fail, _>(write).await?)
    }

    async fn end_import(&self, task: &Task, state: &'static str, why: Option<String>) -> Result<(), Refusal> {
        let (id, now) = (task.import.id, self.now().0);
        let data = json!({ "import": id.to_string(), "state": state, "reason": why });
        let fact = self.fact("import.ended", &By::actor(&task.actor), None, "ok", data);
        let write = move |tx: &mut dyn Tx| {
            if rows::close(tx, id, state, why.as_deref(), now)? {
                let mut fact = fact.clone();
                if let Some(import) = rows::by_id(tx, id)? {
                    for (name, count) in [("done", import.done), ("wrong", import.wrong), ("skipped", import.skipped)] {
                        fact.adding(name, count.into());
                    }
                }
                fact.write(tx)?;
            }
            Ok::<_, StoreError>(())
        };
        self.0.store.write(write).await.map_err(|e| refuse::store(&e))
    }

    /// The job runs once more, at once.
    async fn import_again(&self, id: Id) -> Result<(), Refusal> {
        let job = self.job(crate::jobs::Kind::Import, id.to_string(), Vec::new(), Duration::ZERO);
        let asked = self.0.store.write::<_, StoreError, _>(move |tx| jobs::enqueue(tx, &job)).await;
        asked.map_err(|e| refuse::store(&e))?;
        self.wake_jobs();
        Ok(())
    }
}
