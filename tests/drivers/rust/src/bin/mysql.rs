//! The crate mysql.

use clients::{is, main as run, text, Bound, Failure, Outcome, Rows, Session};
use mysql::consts::CapabilityFlags;
use mysql::prelude::Queryable;
use mysql::{ChangeUserOpts, Compression, Conn, LocalInfileHandler, OptsBuilder, Params, SslOpts, Value};
use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;

struct Direct(Option<Conn>);

fn failed(problem: mysql::Error) -> Failure {
    let code = match &problem {
        mysql::Error::MySqlError(error) => Some(error.code),
        _ => None,
    };
    Failure { code, message: problem.to_string() }
}

fn value(bound: &Bound) -> Value {
    match bound.clone() {
        Bound::Null => Value::NULL,
        Bound::Int(number) => Value::Int(number),
        Bound::Unsigned(number) => Value::UInt(number),
        Bound::Double(number) => Value::Double(number),
        Bound::Text(word) => Value::Bytes(word.into_bytes()),
        Bound::Bytes(raw) => Value::Bytes(raw),
        Bound::Moment(y, m, d, h, i, s, u) => Value::Date(y, m, d, h, i, s, u),
        Bound::Span(minus, d, h, m, s, u) => Value::Time(minus, d, h, m, s, u),
    }
}

fn cell(value: Value) -> String {
    match value {
        Value::NULL => String::new(),
        Value::Bytes(raw) => String::from_utf8_lossy(&raw).into_owned(),
        other => other.as_sql(true),
    }
}

impl Direct {
    fn connection(&mut self) -> &mut Conn {
        self.0.as_mut().expect("an open connection")
    }
}

impl Session for Direct {
    fn query(&mut self, sql: &str) -> Outcome<Rows> {
        let rows: Vec<mysql::Row> = self.connection().query(sql).map_err(failed)?;
        Ok(rows.into_iter().map(|row| row.unwrap().into_iter().map(cell).collect()).collect())
    }

    fn multi(&mut self, sql: &str) -> Outcome<Vec<usize>> {
        let mut counts = Vec::new();
        let mut found = self.connection().query_iter(sql).map_err(failed)?;
        while let Some(set) = found.iter() {
            counts.push(set.count());
        }
        Ok(counts)
    }

    fn prepared(&mut self, sql: &str, values: &[Bound]) -> Outcome<usize> {
        let given = Params::Positional(values.iter().map(value).collect());
        let statement = self.connection().prep(sql).map_err(failed)?;
        let rows: Vec<mysql::Row> = self.connection().exec(&statement, given).map_err(failed)?;
        self.connection().close(statement).map_err(failed)?;
        Ok(rows.len())
    }

    fn write(&mut self, sql: &str, values: Option<&[Bound]>) -> Outcome<u64> {
        match values {
            None => self.connection().query_drop(sql).map_err(failed)?,
            Some(given) => {
                let given = Params::Positional(given.iter().map(value).collect());
                self.connection().exec_drop(sql, given).map_err(failed)?;
            }
        }
        Ok(self.connection().affected_rows())
    }

    fn ping(&mut self) -> Outcome<()> {
        self.connection().ping().map_err(failed)
    }

    fn change_user(&mut self, user: &str, password: &str, database: &str) -> Outcome<()> {
        let other = ChangeUserOpts::new().with_user(Some(user.into()));
        let other = other.with_pass(Some(password.into())).with_db_name(Some(database.into()));
        self.connection().change_user(other).map_err(failed)
    }

    fn reset(&mut self) -> Outcome<()> {
        self.connection().reset().map_err(failed)
    }

    fn close(&mut self) -> Outcome<()> {
        self.0.take();
        Ok(())
    }
}

fn main() {
    run(&|case| {
        let attributes: HashMap<String, String> = serde_json::from_value(case["attributes"].clone()).unwrap();
        let mut options = OptsBuilder::new()
            .ip_or_hostname(Some(text(case, "host")))
            .tcp_port(case["port"].as_u64().unwrap() as u16)
            .user(Some(text(case, "user")))
            .pass(Some(text(case, "password")))
            .db_name(Some(text(case, "database")))
            .prefer_socket(false)
            .connect_attrs(Some(attributes));
        if is(case, "tls") {
            let trust = match is(case, "verify") {
                true => SslOpts::default()
                    .with_root_cert_path(Some(PathBuf::from(text(case, "ca"))))
                    .with_danger_skip_domain_validation(true),
                false => SslOpts::default().with_danger_accept_invalid_certs(true),
            };
            options = options.ssl_opts(Some(trust));
        }
        if is(case, "compress") {
            options = options.compress(Some(Compression::default()));
        }
        if is(case, "multi") {
            options = options.additional_capabilities(CapabilityFlags::CLIENT_MULTI_STATEMENTS);
        }
        let mut connection = Conn::new(options).map_err(failed)?;
        if is(case, "infile") {
            connection.set_local_infile_handler(Some(LocalInfileHandler::new(|name, target| {
                target.write_all(&std::fs::read(String::from_utf8_lossy(name).as_ref())?)
            })));
        }
        Ok(Box::new(Direct(Some(connection))))
    });
}
