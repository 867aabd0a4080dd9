//! The crate mysql_async, one step at a time.

use clients::{is, main as run, text, Bound, Failure, Outcome, Rows, Session};
use mysql_async::prelude::Queryable;
use mysql_async::{ChangeUserOpts, Compression, Conn, OptsBuilder, Params, SslOpts, Value, WhiteListFsHandler};
use std::future::Future;
use std::path::PathBuf;
use std::rc::Rc;
use tokio::runtime::Runtime;

struct Driven {
    runtime: Rc<Runtime>,
    connection: Option<Conn>,
}

fn failed(problem: mysql_async::Error) -> Failure {
    let code = match &problem {
        mysql_async::Error::Server(error) => Some(error.code),
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

impl Driven {
    fn wait<T>(&self, work: impl Future<Output = Result<T, mysql_async::Error>>) -> Outcome<T> {
        self.runtime.block_on(work).map_err(failed)
    }

    fn take(&mut self) -> Conn {
        self.connection.take().expect("an open connection")
    }

    /// Does something with the connection, which is here again afterwards.
    fn with<T>(&mut self, work: impl AsyncFnOnce(&mut Conn) -> Result<T, mysql_async::Error>) -> Outcome<T> {
        let mut connection = self.take();
        let done = self.runtime.block_on(work(&mut connection));
        self.connection = Some(connection);
        done.map_err(failed)
    }
}

impl Session for Driven {
    fn query(&mut self, sql: &str) -> Outcome<Rows> {
        let rows: Vec<mysql_async::Row> = self.with(async |each| each.query(sql).await)?;
        Ok(rows.into_iter().map(|row| row.unwrap().into_iter().map(cell).collect()).collect())
    }

    fn multi(&mut self, sql: &str) -> Outcome<Vec<usize>> {
        self.with(async |each| {
            let mut counts = Vec::new();
            let mut found = each.query_iter(sql).await?;
            while !found.is_empty() {
                counts.push(found.collect::<mysql_async::Row>().await?.len());
            }
            Ok(counts)
        })
    }

    fn prepared(&mut self, sql: &str, values: &[Bound]) -> Outcome<usize> {
        let given = Params::Positional(values.iter().map(value).collect());
        self.with(async |each| {
            let statement = each.prep(sql).await?;
            let rows: Vec<mysql_async::Row> = each.exec(&statement, given).await?;
            each.close(statement).await?;
            Ok(rows.len())
        })
    }

    fn write(&mut self, sql: &str, values: Option<&[Bound]>) -> Outcome<u64> {
        let given = values.map(|found| Params::Positional(found.iter().map(value).collect()));
        self.with(async |each| {
            match given {
                None => each.query_drop(sql).await?,
                Some(given) => each.exec_drop(sql, given).await?,
            }
            Ok(each.affected_rows())
        })
    }

    fn ping(&mut self) -> Outcome<()> {
        self.with(async |each| each.ping().await)
    }

    fn change_user(&mut self, user: &str, password: &str, database: &str) -> Outcome<()> {
        let other = ChangeUserOpts::new().with_user(Some(user.into()));
        let other = other.with_pass(Some(password.into())).with_db_name(Some(database.into()));
        self.with(async |each| each.change_user(other).await)
    }

    fn reset(&mut self) -> Outcome<()> {
        self.with(async |each| each.reset().await.map(|_| ()))
    }

    fn close(&mut self) -> Outcome<()> {
        let connection = self.take();
        self.wait(connection.disconnect())
    }
}

fn main() {
    let runtime = Rc::new(tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap());
    run(&|case| {
        let mut options = OptsBuilder::default()
            .ip_or_hostname(text(case, "host"))
            .tcp_port(case["port"].as_u64().unwrap() as u16)
            .user(Some(text(case, "user")))
            .pass(Some(text(case, "password")))
            .db_name(Some(text(case, "database")))
            .prefer_socket(Some(false));
        if is(case, "tls") {
            let trust = match is(case, "verify") {
                true => SslOpts::default()
                    .with_root_certs(vec![PathBuf::from(text(case, "ca")).into()])
                    .with_danger_skip_domain_validation(true),
                false => SslOpts::default().with_danger_accept_invalid_certs(true),
            };
            options = options.ssl_opts(Some(trust));
        }
        if is(case, "compress") {
            options = options.compression(Compression::default());
        }
        if is(case, "infile") {
            let load = case["steps"].as_array().unwrap().iter().find(|words| words[0] == "load");
            let name = load.and_then(|words| words[1].as_str()?.split('\'').nth(1)).unwrap_or_default();
            options = options.local_infile_handler(Some(WhiteListFsHandler::new(vec![name])));
        }
        let connection = runtime.block_on(Conn::new(options)).map_err(failed)?;
        Ok(Box::new(Driven { runtime: runtime.clone(), connection: Some(connection) }))
    });
}
