//! Proxy: stands before the server, notes each request, and spoils those that a test wants spoilt.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::server::ANYBODY;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    /// Path with its query.
    pub path: String,
    /// Lines of the head, in lower case up to the colon.
    pub headers: Vec<(String, String)>,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// A list of objects is wanted, no object.
    pub fn is_list(&self) -> bool {
        self.path.contains("list-type=")
    }

    pub fn is_part(&self) -> bool {
        self.method == "GET" && self.header("range").is_some()
    }
}

/// What happens to a request.
pub enum Fate {
    Forwarded,
    /// Answered by the proxy: status with its words, and a body.
    Answered(&'static str, String),
    /// Never answered.
    Silent,
}

pub struct Proxy {
    pub port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Proxy {
    /// Listens before the server at `port`; `fate` gets each request with its number, from 0.
    pub fn before(port: u16, fate: impl Fn(&Asked, usize) -> Fate + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap().port();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (noted, fate) = (asked.clone(), Arc::new(fate));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (noted, fate) = (noted.clone(), fate.clone());
                std::thread::spawn(move || _ = serve(stream, port, &noted, &*fate));
            }
        });
        Self { port: own, asked }
    }

    /// The requests so far; they are forgotten.
    pub fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

fn serve(
    client: TcpStream,
    port: u16,
    noted: &Mutex<Vec<Asked>>,
    fate: &dyn Fn(&Asked, usize) -> Fate,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let asked = Asked { method, path, headers };
    let length = asked.header("content-length").and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let number = {
        let mut noted = noted.lock().unwrap();
        noted.push(asked.clone());
        noted.len() - 1
    };
    let mut client = client;
    match fate(&asked, number) {
        Fate::Silent => {
            // Until the other side gives up.
            client.read_to_end(&mut Vec::new())?;
            Ok(())
        }
        Fate::Answered(status, text) => write!(
            client,
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
            text.len()
        ),
        Fate::Forwarded => {
            let mut server = TcpStream::connect(("127.0.0.1", port))?;
            write!(server, "{} {} HTTP/1.1\r\n", asked.method, asked.path)?;
            for (name, value) in asked.headers.iter().filter(|(name, _)| name != "connection") {
                write!(server, "{name}: {value}\r\n")?;
            }
            if asked.header("authorization").is_none() {
                write!(server, "{ANYBODY}\r\n")?;
            }
            write!(server, "connection: close\r\n\r\n")?;
            server.write_all(&body)?;
            std::io::copy(&mut server, &mut client).map(drop)
        }
    }
}
