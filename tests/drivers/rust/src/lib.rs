//! What every Rust client does: cases as JSON on standard input, a line for each.

use serde_json::{json, Map, Value};
use std::io::Read;
use std::time::{SystemTime, UNIX_EPOCH};

/// What the server, or the driver, says went wrong.
pub struct Failure {
    pub code: Option<u16>,
    pub message: String,
}

pub type Outcome<T> = Result<T, Failure>;
pub type Rows = Vec<Vec<String>>;

/// A value of a case, as Rust has it.
#[derive(Clone)]
pub enum Bound {
    Null,
    Int(i64),
    Unsigned(u64),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    /// year, month, day, hour, minute, second, microsecond
    Moment(u16, u8, u8, u8, u8, u8, u32),
    /// negative, days, hours, minutes, seconds, microseconds
    Span(bool, u32, u8, u8, u8, u32),
}

/// A connection of the driver at hand.
pub trait Session {
    fn query(&mut self, sql: &str) -> Outcome<Rows>;
    fn multi(&mut self, sql: &str) -> Outcome<Vec<usize>>;
    fn prepared(&mut self, sql: &str, values: &[Bound]) -> Outcome<usize>;
    fn write(&mut self, sql: &str, values: Option<&[Bound]>) -> Outcome<u64>;
    fn ping(&mut self) -> Outcome<()>;
    fn change_user(&mut self, user: &str, password: &str, database: &str) -> Outcome<()>;
    fn reset(&mut self) -> Outcome<()>;
    fn close(&mut self) -> Outcome<()>;
}

pub fn text<'a>(case: &'a Value, name: &str) -> &'a str {
    case[name].as_str().unwrap_or_default()
}

pub fn is(case: &Value, name: &str) -> bool {
    case[name].as_bool().unwrap_or_default()
}

fn numbers(word: &str) -> Vec<u32> {
    let digits = word.split(|each: char| !each.is_ascii_digit());
    digits.filter(|each| !each.is_empty()).map(|each| each.parse().unwrap_or_default()).collect()
}

fn micros(word: &str) -> u32 {
    word.split_once('.').map_or(0, |(_, fraction)| format!("{fraction:0<6}").parse().unwrap())
}

fn bound(pair: &Value) -> Bound {
    let (kind, word) = (pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
    let parts = numbers(word);
    match kind {
        "null" => Bound::Null,
        "int" | "bool" => Bound::Int(word.parse().unwrap()),
        "unsigned" => Bound::Unsigned(word.parse().unwrap()),
        "double" => Bound::Double(word.parse().unwrap()),
        "blob" => Bound::Bytes((0..word.len()).step_by(2).map(|i| u8::from_str_radix(&word[i..i + 2], 16).unwrap()).collect()),
        "date" => Bound::Moment(parts[0] as u16, parts[1] as u8, parts[2] as u8, 0, 0, 0, 0),
        "datetime" => {
            let clock = (parts[3] as u8, parts[4] as u8, parts[5] as u8);
            Bound::Moment(parts[0] as u16, parts[1] as u8, parts[2] as u8, clock.0, clock.1, clock.2, micros(word))
        }
        "time" => {
            let (hours, minutes, seconds) = (parts[0], parts[1] as u8, parts[2] as u8);
            Bound::Span(word.starts_with('-'), hours / 24, (hours % 24) as u8, minutes, seconds, micros(word))
        }
        _ => Bound::Text(word.to_string()),
    }
}

fn plain(value: &Value) -> Bound {
    value.as_i64().map_or_else(|| Bound::Text(value.as_str().unwrap().to_string()), Bound::Int)
}

fn pairs(rows: Rows) -> Map<String, Value> {
    rows.into_iter().map(|row| (row[0].clone(), json!(row[1]))).collect()
}

fn call(session: &mut dyn Session, given: &Value, total: &Value) -> Outcome<Value> {
    session.query(&format!("SET @total = {total}"))?;
    session.query(&format!("CALL doubled({given}, @total, @said)"))?;
    Ok(json!(session.query("SELECT @total, @said")?[0]))
}

fn batch(session: &mut dyn Session, sql: &str, rows: &Value) -> Outcome<Value> {
    let mut written = 0;
    for row in rows.as_array().unwrap() {
        let values: Vec<Bound> = row.as_array().unwrap().iter().map(plain).collect();
        written += session.write(sql, Some(&values))?;
    }
    Ok(json!(written))
}

/// What came of a step; the last word of most says what has to.
fn step(session: &mut dyn Session, words: &[Value]) -> Outcome<Option<Value>> {
    let sql = words.get(1).and_then(Value::as_str).unwrap_or_default();
    Ok(match words[0].as_str().unwrap() {
        "query" => Some(json!(session.query(sql)?.len())),
        "fails" => Some(json!(session.query(sql).err().and_then(|problem| problem.code))),
        "prepared" => {
            let values: Vec<Bound> = words[2].as_array().unwrap().iter().map(plain).collect();
            Some(json!(session.prepared(sql, &values)?))
        }
        "multi" => Some(json!(session.multi(sql)?)),
        "call" => Some(call(session, &words[1], &words[2])?),
        "typed" => {
            let values: Vec<Bound> = words[2].as_array().unwrap().iter().map(bound).collect();
            Some(json!(session.write(sql, Some(&values))?))
        }
        "batch" => Some(batch(session, sql, &words[2])?),
        "load" => Some(json!(session.write(sql, None)?)),
        "ping" => session.ping().map(|()| None)?,
        "reset" => session.reset().map(|()| None)?,
        "change_user" => {
            let word = |number: usize| words[number].as_str().unwrap();
            session.change_user(word(1), word(2), word(3)).map(|()| None)?
        }
        other => return Err(Failure { code: None, message: format!("unknown step {other}") }),
    })
}

fn work(session: &mut dyn Session, case: &Value, result: &mut Map<String, Value>, problems: &mut Vec<String>) -> Outcome<()> {
    let mut found = Vec::new();
    for sql in case["identify"].as_array().unwrap() {
        found.push(session.query(sql.as_str().unwrap())?);
    }
    result.insert("connection_id".into(), json!(found[0][0][0].parse::<u64>().unwrap()));
    result.insert("version".into(), json!(found[0][0][1]));
    let mut status = pairs(found.pop().unwrap());
    result.insert("attributes".into(), Value::Object(pairs(found.pop().unwrap())));
    for words in case["steps"].as_array().unwrap() {
        let words = words.as_array().unwrap();
        if words[0] == "status" {
            status.extend(pairs(session.query(words[1].as_str().unwrap())?));
            continue;
        }
        if let Some(seen) = step(session, words)? {
            if &seen != words.last().unwrap() {
                problems.push(format!("{} {}: {seen}", words[0], words[1]));
            }
        }
    }
    result.insert("status".into(), Value::Object(status));
    Ok(())
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}

fn run(case: &Value, connect: &dyn Fn(&Value) -> Outcome<Box<dyn Session>>) -> Value {
    let mut result = Map::new();
    let mut problems = Vec::new();
    result.insert("name".into(), case["name"].clone());
    result.insert("start_ns".into(), json!(now()));
    match connect(case) {
        Err(problem) => {
            result.insert("error".into(), json!(problem.code.map_or(-1, i32::from)));
            result.insert("message".into(), json!(problem.message));
        }
        Ok(mut session) => {
            if let Err(problem) = work(session.as_mut(), case, &mut result, &mut problems) {
                problems.push(problem.message);
            }
            if let Err(problem) = session.close() {
                problems.push(problem.message);
            }
        }
    }
    result.insert("end_ns".into(), json!(now()));
    result.insert("problems".into(), json!(problems));
    Value::Object(result)
}

/// All cases of standard input.
pub fn main(connect: &dyn Fn(&Value) -> Outcome<Box<dyn Session>>) {
    let mut given = String::new();
    std::io::stdin().read_to_string(&mut given).expect("standard input");
    let cases: Vec<Value> = serde_json::from_str(&given).expect("cases as JSON");
    for case in &cases {
        println!("{}", run(case, connect));
    }
}
