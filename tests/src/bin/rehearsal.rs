//! The scripted model as a program: `rehearsal [--port N]`, where port 0 takes a free one.

use std::io::{Error, ErrorKind, Result, Write};

use tests::rehearsal;
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port()?)).await?;
    writeln!(std::io::stdout(), "listening on http://{}", listener.local_addr()?)?;
    rehearsal::serve(listener).await
}

fn port() -> Result<u16> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let port = match arguments.as_slice() {
        [] => return Ok(0),
        [flag, port] if flag == "--port" => port.parse().ok(),
        _ => None,
    };
    port.ok_or_else(|| Error::new(ErrorKind::InvalidInput, "usage: rehearsal [--port N]"))
}
