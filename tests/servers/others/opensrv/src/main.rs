//! opensrv-mysql as a server of one table: `opensrv ADDRESS`.

use opensrv_mysql::{
    AsyncMysqlIntermediary, AsyncMysqlShim, Column, ColumnFlags, ColumnType, ErrorKind, OkResponse, ParamParser,
    QueryResultWriter, StatementMetaWriter,
};
use std::io::{Error, Result};
use tokio::io::AsyncWrite;
use tokio::net::TcpListener;

struct OneTable;

fn column(name: &str, kind: ColumnType) -> Column {
    Column { table: "t".into(), column: name.into(), coltype: kind, colflags: ColumnFlags::empty() }
}

#[async_trait::async_trait]
impl<W: AsyncWrite + Send + Unpin> AsyncMysqlShim<W> for OneTable {
    type Error = Error;

    async fn on_prepare<'a>(&'a mut self, _: &'a str, info: StatementMetaWriter<'a, W>) -> Result<()> {
        info.reply(1, &[], &[]).await
    }

    async fn on_execute<'a>(&'a mut self, _: u32, _: ParamParser<'a>, found: QueryResultWriter<'a, W>) -> Result<()> {
        found.completed(OkResponse::default()).await
    }

    async fn on_close(&mut self, _: u32) {}

    async fn on_query<'a>(&'a mut self, sql: &'a str, found: QueryResultWriter<'a, W>) -> Result<()> {
        let columns = match sql {
            "SELECT 1" => vec![column("1", ColumnType::MYSQL_TYPE_LONG)],
            "SHOW TABLES" => vec![column("Tables", ColumnType::MYSQL_TYPE_VAR_STRING)],
            "SELECT * FROM t" => {
                vec![column("id", ColumnType::MYSQL_TYPE_LONG), column("label", ColumnType::MYSQL_TYPE_VAR_STRING)]
            }
            _ if sql.starts_with("SET ") => return found.completed(OkResponse::default()).await,
            _ => return found.error(ErrorKind::ER_PARSE_ERROR, b"You have an error in your SQL syntax").await,
        };
        let mut rows = found.start(&columns).await?;
        match sql {
            "SELECT 1" => rows.write_row([1]).await?,
            "SHOW TABLES" => rows.write_row(["t"]).await?,
            _ => {
                for (id, label) in [(1, Some("one")), (2, None)] {
                    rows.write_col(id)?;
                    rows.write_col(label)?;
                    rows.end_row().await?;
                }
            }
        }
        rows.finish().await
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let address = std::env::args().nth(1).expect("an address");
    let listener = TcpListener::bind(address).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let (from, to) = stream.into_split();
        tokio::spawn(AsyncMysqlIntermediary::run_on(OneTable, from, to));
    }
}
