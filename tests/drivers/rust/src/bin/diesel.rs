//! Diesel: whatever it is asked it prepares.

use clients::{is, main as run, text, Bound, Failure, Outcome, Rows, Session};
use diesel::connection::LoadConnection;
use diesel::mysql::{Mysql, MysqlConnection, MysqlType, MysqlValue};
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::result::Error;
use diesel::row::{Field, Row};
use diesel::sql_types::{BigInt, Binary, Double, Integer, Nullable, Text, Unsigned};
use diesel::{sql_query, Connection, RunQueryDsl};

struct Driven(Option<MysqlConnection>);

/// Of an error it keeps the text and not the number.
fn failed(problem: Error) -> Failure {
    Failure { code: None, message: problem.to_string() }
}

fn cell(value: Option<MysqlValue<'_>>) -> String {
    let Some(value) = value else { return String::new() };
    let raw = value.as_bytes();
    let mut wide = [0; 8];
    match value.value_type() {
        MysqlType::LongLong | MysqlType::Long | MysqlType::UnsignedLongLong | MysqlType::UnsignedLong => {
            wide[..raw.len()].copy_from_slice(raw);
            i64::from_le_bytes(wide).to_string()
        }
        _ => String::from_utf8_lossy(raw).into_owned(),
    }
}

fn bind<'q>(sql: &str, values: &[Bound]) -> BoxedSqlQuery<'q, Mysql, SqlQuery> {
    let mut query = sql_query(sql).into_boxed();
    for value in values {
        query = match value.clone() {
            Bound::Null => query.bind::<Nullable<Integer>, _>(None::<i32>),
            Bound::Int(number) => query.bind::<BigInt, _>(number),
            Bound::Unsigned(number) => query.bind::<Unsigned<BigInt>, _>(number),
            Bound::Double(number) => query.bind::<Double, _>(number),
            Bound::Text(word) => query.bind::<Text, _>(word),
            Bound::Bytes(raw) => query.bind::<Binary, _>(raw),
            // Built without a crate for times it has no types for them.
            Bound::Moment(y, m, d, h, i, s, u) => {
                query.bind::<Text, _>(format!("{y:04}-{m:02}-{d:02} {h:02}:{i:02}:{s:02}.{u:06}"))
            }
            Bound::Span(minus, d, h, m, s, u) => {
                let sign = if minus { "-" } else { "" };
                query.bind::<Text, _>(format!("{sign}{}:{m:02}:{s:02}.{u:06}", d * 24 + u32::from(h)))
            }
        };
    }
    query
}

impl Driven {
    fn connection(&mut self) -> &mut MysqlConnection {
        self.0.as_mut().expect("an open connection")
    }

    fn rows(&mut self, sql: &str, values: &[Bound]) -> Outcome<Rows> {
        let mut found = Vec::new();
        for row in self.connection().load(bind(sql, values)).map_err(failed)? {
            let row = row.map_err(failed)?;
            let mut cells = Vec::new();
            for at in 0..row.field_count() {
                cells.push(row.get(at).map_or_else(String::new, |field| cell(field.value())));
            }
            found.push(cells);
        }
        Ok(found)
    }
}

impl Session for Driven {
    fn query(&mut self, sql: &str) -> Outcome<Rows> {
        if sql.starts_with("SELECT") || sql.starts_with("SHOW") {
            return self.rows(sql, &[]);
        }
        self.write(sql, None).map(|_| Vec::new())
    }

    fn multi(&mut self, _: &str) -> Outcome<Vec<usize>> {
        Err(Failure { code: None, message: "of several results it tells nothing".into() })
    }

    fn prepared(&mut self, sql: &str, values: &[Bound]) -> Outcome<usize> {
        self.rows(sql, values).map(|rows| rows.len())
    }

    fn write(&mut self, sql: &str, values: Option<&[Bound]>) -> Outcome<u64> {
        let query = bind(sql, values.unwrap_or_default());
        query.execute(self.connection()).map(|rows| rows as u64).map_err(failed)
    }

    fn ping(&mut self) -> Outcome<()> {
        Err(Failure { code: None, message: "it has no COM_PING".into() })
    }

    fn change_user(&mut self, _: &str, _: &str, _: &str) -> Outcome<()> {
        Err(Failure { code: None, message: "it does not change the user".into() })
    }

    fn reset(&mut self) -> Outcome<()> {
        Err(Failure { code: None, message: "it does not reset".into() })
    }

    fn close(&mut self) -> Outcome<()> {
        self.0.take();
        Ok(())
    }
}

fn main() {
    run(&|case| {
        let mode = match (is(case, "tls"), is(case, "verify")) {
            (_, true) => "verify_ca",
            (true, false) => "required",
            _ => "disabled",
        };
        let word = |name| text(case, name);
        let (user, password, host, database) = (word("user"), word("password"), word("host"), word("database"));
        let mut address = format!("mysql://{user}:{password}@{host}:{}/{database}?ssl_mode={mode}", case["port"]);
        // Above Connector/C it does not ask for TLS, whatever the mode says, unless there is an authority.
        if is(case, "tls") {
            address.push_str(&format!("&ssl_ca={}", word("ca")));
        }
        let connection = MysqlConnection::establish(&address);
        let connection = connection.map_err(|problem| Failure { code: None, message: problem.to_string() })?;
        Ok(Box::new(Driven(Some(connection))))
    });
}
