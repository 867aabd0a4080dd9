//! sqlx, one step at a time.

use clients::{is, main as run, text, Bound, Failure, Outcome, Rows, Session};
use sqlx::mysql::{MySqlArguments, MySqlConnectOptions, MySqlConnection, MySqlDatabaseError, MySqlRow, MySqlSslMode};
use sqlx::{Connection, Either, Executor, MySql, Row};
use std::rc::Rc;
use tokio::runtime::Runtime;
use tokio_stream::StreamExt;

struct Driven {
    runtime: Rc<Runtime>,
    connection: Option<MySqlConnection>,
}

fn failed(problem: sqlx::Error) -> Failure {
    let code = match &problem {
        sqlx::Error::Database(error) => error.try_downcast_ref::<MySqlDatabaseError>().map(|each| each.number()),
        _ => None,
    };
    Failure { code, message: problem.to_string() }
}

/// Rows of the text protocol only: all of their values are texts.
fn cells(row: &MySqlRow) -> Vec<String> {
    let cell = |at| row.try_get_unchecked::<Option<Vec<u8>>, usize>(at).ok().flatten().unwrap_or_default();
    (0..row.len()).map(|at| String::from_utf8_lossy(&cell(at)).into_owned()).collect()
}

fn bind<'q>(sql: &'q str, values: &[Bound]) -> sqlx::query::Query<'q, MySql, MySqlArguments> {
    let mut query = sqlx::query(sql);
    for value in values {
        query = match value.clone() {
            Bound::Null => query.bind(None::<i32>),
            Bound::Int(number) => query.bind(number),
            Bound::Unsigned(number) => query.bind(number),
            Bound::Double(number) => query.bind(number),
            Bound::Text(word) => query.bind(word),
            Bound::Bytes(raw) => query.bind(raw),
            // Built without a crate for times it has no types for them.
            Bound::Moment(y, m, d, h, i, s, u) => query.bind(format!("{y:04}-{m:02}-{d:02} {h:02}:{i:02}:{s:02}.{u:06}")),
            Bound::Span(minus, d, h, m, s, u) => {
                let sign = if minus { "-" } else { "" };
                query.bind(format!("{sign}{}:{m:02}:{s:02}.{u:06}", d * 24 + u32::from(h)))
            }
        };
    }
    query
}

impl Driven {
    fn parts(&mut self) -> (Rc<Runtime>, &mut MySqlConnection) {
        (self.runtime.clone(), self.connection.as_mut().expect("an open connection"))
    }
}

impl Session for Driven {
    fn query(&mut self, sql: &str) -> Outcome<Rows> {
        let (runtime, connection) = self.parts();
        let rows = runtime.block_on(connection.fetch_all(sqlx::raw_sql(sql))).map_err(failed)?;
        Ok(rows.iter().map(cells).collect())
    }

    fn multi(&mut self, sql: &str) -> Outcome<Vec<usize>> {
        let (runtime, connection) = self.parts();
        runtime.block_on(async {
            let mut counts = Vec::new();
            let mut rows = 0;
            let mut found = connection.fetch_many(sqlx::raw_sql(sql));
            while let Some(each) = found.next().await {
                match each.map_err(failed)? {
                    Either::Right(_) => rows += 1,
                    Either::Left(_) => counts.push(std::mem::take(&mut rows)),
                }
            }
            Ok(counts)
        })
    }

    fn prepared(&mut self, sql: &str, values: &[Bound]) -> Outcome<usize> {
        let (runtime, connection) = self.parts();
        runtime.block_on(bind(sql, values).fetch_all(connection)).map(|rows| rows.len()).map_err(failed)
    }

    fn write(&mut self, sql: &str, values: Option<&[Bound]>) -> Outcome<u64> {
        let (runtime, connection) = self.parts();
        let done = runtime.block_on(bind(sql, values.unwrap_or_default()).execute(connection)).map_err(failed)?;
        Ok(done.rows_affected())
    }

    fn ping(&mut self) -> Outcome<()> {
        let (runtime, connection) = self.parts();
        runtime.block_on(connection.ping()).map_err(failed)
    }

    fn change_user(&mut self, _: &str, _: &str, _: &str) -> Outcome<()> {
        Err(Failure { code: None, message: "sqlx does not change the user".into() })
    }

    fn reset(&mut self) -> Outcome<()> {
        Err(Failure { code: None, message: "sqlx does not reset".into() })
    }

    fn close(&mut self) -> Outcome<()> {
        let connection = self.connection.take().expect("an open connection");
        self.runtime.block_on(connection.close()).map_err(failed)
    }
}

fn main() {
    let runtime = Rc::new(tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap());
    run(&|case| {
        let mode = match (is(case, "tls"), is(case, "verify")) {
            (_, true) => MySqlSslMode::VerifyCa,
            (true, false) => MySqlSslMode::Required,
            _ => MySqlSslMode::Disabled,
        };
        let mut options = MySqlConnectOptions::new()
            .host(text(case, "host"))
            .port(case["port"].as_u64().unwrap() as u16)
            .username(text(case, "user"))
            .password(text(case, "password"))
            .database(text(case, "database"))
            .ssl_mode(mode);
        if is(case, "verify") {
            options = options.ssl_ca(text(case, "ca"));
        }
        let connection = runtime.block_on(MySqlConnection::connect_with(&options)).map_err(failed)?;
        Ok(Box::new(Driven { runtime: runtime.clone(), connection: Some(connection) }))
    });
}
