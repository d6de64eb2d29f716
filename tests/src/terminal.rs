//! A terminal that a test reads and types into, for programs that insist on a person.

use std::time::Duration;

use pty_process::{Command, Pty, Size};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Child;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use vt100::{Callbacks, Parser, Screen};

/// Tall enough that nothing a test waits for scrolls away.
const ROWS: u16 = 120;
const COLUMNS: u16 = 150;

/// How long a test waits for words to appear.
const PATIENCE: Duration = Duration::from_secs(30);
/// After how long a person presses a key again that seems to have done nothing.
const AGAIN: Duration = Duration::from_secs(2);

pub const ENTER: &str = "\r";
pub const ESCAPE: &str = "\x1b";

/// A program on a terminal of its own. Dropping it ends the program.
#[derive(Debug)]
pub struct Terminal {
    keys: mpsc::UnboundedSender<String>,
    screen: watch::Receiver<String>,
    child: Child,
}

impl Terminal {
    /// Starts a program; its environment has to name a `TERM` like xterm.
    pub fn start(command: Command) -> pty_process::Result<Terminal> {
        let (pty, pts) = pty_process::open()?;
        pty.resize(Size::new(ROWS, COLUMNS))?;
        let child = command.kill_on_drop(true).spawn(pts)?;
        let (keys, typed) = mpsc::unbounded_channel();
        let (shown, screen) = watch::channel(String::new());
        tokio::spawn(show(pty, typed, shown));
        Ok(Terminal { keys, screen, child })
    }

    /// What stands on the screen.
    pub fn screen(&self) -> String {
        self.screen.borrow().clone()
    }

    /// Presses keys.
    pub fn press(&self, keys: &str) {
        // A program that has ended takes no keys; whoever waits for it will read its last words.
        let _ = self.keys.send(keys.to_owned());
    }

    /// Answers a dialog by a key, as a person does: again, if it stays. Newer codex lets a key pass
    /// that is pressed as the dialog appears, so that nobody answers by what they were typing.
    pub async fn answer(&mut self, dialog: &str, key: &str) {
        for _ in 0..PATIENCE.as_secs() / AGAIN.as_secs() {
            self.press(key);
            let gone = self.screen.wait_for(|screen| !screen.contains(dialog));
            if timeout(AGAIN, gone).await.is_ok() {
                return;
            }
        }
        panic!("`{dialog}` stayed on:\n{}", self.screen().trim_end());
    }

    /// Pastes one line, as a terminal does, and waits until it stands on the screen. Typed as fast
    /// as a program types, a line would be taken for several.
    pub async fn paste(&mut self, line: &str) {
        self.press(&format!("\x1b[200~{line}\x1b[201~"));
        self.wait_for(line).await;
    }

    /// Waits until the words stand on the screen, and returns it.
    pub async fn wait_for(&mut self, words: &str) -> String {
        self.wait_until(words, |screen| screen.contains(words)).await
    }

    /// Waits until the screen is as wished; `what` says what was awaited in vain.
    pub async fn wait_until(&mut self, what: &str, wished: impl Fn(&str) -> bool) -> String {
        let waited = timeout(PATIENCE, self.screen.wait_for(|screen| wished(screen))).await;
        let come = waited.is_ok_and(|screen| screen.is_ok());
        let screen = self.screen();
        assert!(come, "`{what}` did not appear on:\n{}", screen.trim_end());
        screen
    }

    /// Waits until the program has ended.
    pub async fn end(mut self) -> std::io::Result<std::process::ExitStatus> {
        self.child.wait().await
    }
}

async fn show(
    mut pty: Pty,
    mut typed: mpsc::UnboundedReceiver<String>,
    shown: watch::Sender<String>,
) {
    let mut parser = Parser::new_with_callbacks(ROWS, COLUMNS, 0, Answers::default());
    let mut bytes = [0; 8192];
    loop {
        tokio::select! {
            read = pty.read(&mut bytes) => {
                // The end of the program is an error on some systems.
                let Ok(read @ 1..) = read else { return };
                parser.process(bytes.get(..read).unwrap_or_default());
            }
            keys = typed.recv() => {
                let Some(keys) = keys else { return };
                parser.callbacks_mut().0 += &keys;
            }
        }
        let answers = std::mem::take(&mut parser.callbacks_mut().0);
        if pty.write_all(answers.as_bytes()).await.is_err() {
            return;
        }
        shown.send_replace(parser.screen().contents());
    }
}

/// What a real terminal answers when a program asks it about itself.
#[derive(Default)]
struct Answers(String);

impl Callbacks for Answers {
    fn unhandled_csi(
        &mut self,
        screen: &mut Screen,
        _: Option<u8>,
        _: Option<u8>,
        params: &[&[u16]],
        last: char,
    ) {
        match (last, params) {
            // Where is the cursor?
            ('n', [[6]]) => {
                let (row, column) = screen.cursor_position();
                self.0 += &format!("\x1b[{};{}R", row + 1, column + 1);
            }
            // What are you?
            ('c', _) => self.0 += "\x1b[?62;22c",
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_is_read_and_typed_to() {
        let mut terminal = Terminal::start(Command::new("cat")).unwrap();
        terminal.press("hello");
        terminal.wait_for("hello").await;
        terminal.press("\x04\x04");
        assert!(terminal.end().await.unwrap().success());
    }

    #[tokio::test]
    async fn a_program_learns_where_the_cursor_is() {
        let ask = r"printf 'abc\033[6n'; read -r -s -d R at; echo; echo ${at#??} | tr ';' '/'";
        let mut terminal = Terminal::start(Command::new("bash").args(["-c", ask])).unwrap();
        terminal.wait_for("1/4").await;
    }
}
