use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

use super::state::{Fate, Mode, Shared};

const PIECE: usize = 16 * 1024;

/// Takes connections at `port` for as long as the proxy lives, except while it is cut.
pub(super) async fn listen(port: u16, shared: Arc<Shared>) {
    let mut mode = shared.mode();
    // Fails when the proxy is gone.
    while mode.wait_for(|it| *it != Mode::Cut).await.is_ok() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
        let listener = listener.expect("the port is reserved for us");
        shared.listens(true);
        tokio::select! {
            () = take(&listener, &shared) => {}
            _ = mode.wait_for(|it| *it == Mode::Cut) => {}
        }
        drop(listener);
        shared.listens(false);
    }
}

async fn take(listener: &TcpListener, shared: &Arc<Shared>) {
    loop {
        // A client that is gone already is no reason to stop.
        if let Ok((client, _)) = listener.accept().await {
            let shared = Arc::clone(shared);
            tokio::spawn(async move {
                let _taken = shared.take();
                connect(client, &shared).await;
            });
        }
    }
}

async fn connect(mut client: TcpStream, shared: &Arc<Shared>) {
    let mut mode = shared.mode();
    let now = *mode.borrow_and_update();
    let target = match now {
        Mode::Stall => wait_for_another(&mut mode, Mode::Stall).await,
        Mode::HalfOpen => swallow(&mut client, &mut mode).await,
        _ => Ok(()),
    };
    let target = match target {
        Ok(()) => TcpStream::connect((Ipv4Addr::LOCALHOST, shared.target())).await,
        Err(end) => Err(io::Error::other(format!("{end:?}"))),
    };
    match target {
        Ok(target) => carry(client, target, shared).await,
        Err(_) => reset(&client),
    }
}

/// Why a direction ends before its sender has closed it.
#[derive(Clone, Copy, Debug)]
enum End {
    /// Both sides learn of it by a reset.
    Both,
    /// The client alone does; the target goes on with what it has got.
    Client,
}

/// What the two directions of a connection share.
#[derive(Debug, Default)]
struct Connection {
    /// Something was swallowed: what comes after it would make no sense.
    incomplete: AtomicBool,
    /// The next answer does not reach the client.
    loses_answer: AtomicBool,
    /// And then nothing reaches anybody.
    cuts: AtomicBool,
}

async fn carry(client: TcpStream, target: TcpStream, shared: &Arc<Shared>) {
    // Small pieces go at once, as they would without us.
    let _ = (client.set_nodelay(true), target.set_nodelay(true));
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_target, mut to_target) = target.into_split();
    let connection = Connection::default();
    let up = Direction { shared, connection: &connection, mode: shared.mode(), is_up: true };
    let down = Direction { shared, connection: &connection, mode: shared.mode(), is_up: false };
    let ended = tokio::try_join!(
        up.run(&mut from_client, &mut to_target),
        down.run(&mut from_target, &mut to_client)
    );
    if let Err(end) = ended {
        reset(to_client.as_ref());
        // Dropped, it would close in good order before the reset.
        to_client.forget();
        if matches!(end, End::Both) {
            reset(to_target.as_ref());
            to_target.forget();
        }
    }
}

/// Makes the coming close a reset.
fn reset(stream: &TcpStream) {
    // Fails for a connection that is gone.
    let _ = stream.set_zero_linger();
}

#[derive(Debug)]
struct Direction<'a> {
    shared: &'a Shared,
    connection: &'a Connection,
    mode: watch::Receiver<Mode>,
    is_up: bool,
}

impl Direction<'_> {
    /// Carries one direction until its sender closes it, which the receiver learns.
    async fn run(mut self, from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf) -> Result<(), End> {
        let mut piece = vec![0; PIECE];
        loop {
            let mode = *self.mode.borrow_and_update();
            self.check(mode)?;
            if mode == Mode::Stall {
                wait_for_another(&mut self.mode, Mode::Stall).await?;
                continue;
            }
            let read = tokio::select! {
                changed = self.mode.changed() => {
                    changed.map_err(|_| End::Both)?;
                    continue;
                }
                read = from.read(&mut piece) => read.map_err(|_| End::Both)?,
            };
            if read == 0 {
                let _ = to.shutdown().await;
                return Ok(());
            }
            self.pass(&piece[..read], to).await?;
        }
    }

    fn check(&self, mode: Mode) -> Result<(), End> {
        let is_well = matches!(mode, Mode::Forward | Mode::Delay(_) | Mode::Stall);
        let is_spoiled = is_well && self.connection.incomplete.load(Ordering::SeqCst);
        if mode == Mode::Cut || is_spoiled { Err(End::Both) } else { Ok(()) }
    }

    /// Sends a piece on, as things are now.
    async fn pass(&mut self, piece: &[u8], to: &mut OwnedWriteHalf) -> Result<(), End> {
        let mut mode = *self.mode.borrow_and_update();
        while let Mode::Delay(by) = mode {
            if timeout(by, self.mode.changed()).await.is_err() {
                break;
            }
            mode = *self.mode.borrow_and_update();
        }
        if mode == Mode::Stall {
            wait_for_another(&mut self.mode, Mode::Stall).await?;
            mode = *self.mode.borrow_and_update();
        }
        self.check(mode)?;
        let is_swallowed = mode == Mode::HalfOpen || (mode == Mode::DropAnswers && !self.is_up);
        if is_swallowed {
            self.connection.incomplete.store(true, Ordering::SeqCst);
            return Ok(());
        }
        if self.is_up { self.pass_up(piece, to).await } else { self.pass_down(piece, to).await }
    }

    async fn pass_up(&self, piece: &[u8], to: &mut OwnedWriteHalf) -> Result<(), End> {
        let fate = self.shared.fate_of(piece);
        if matches!(fate, Fate::LosesItsAnswer | Fate::CutsAtItsAnswer) {
            self.connection.cuts.store(fate == Fate::CutsAtItsAnswer, Ordering::SeqCst);
            self.connection.loses_answer.store(true, Ordering::SeqCst);
        }
        let going = if let Fate::EndsAfter(count) = fate { &piece[..count] } else { piece };
        to.write_all(going).await.map_err(|_| End::Both)?;
        self.shared.count_to_target(going.len());
        if matches!(fate, Fate::EndsAfter(_)) { Err(End::Client) } else { Ok(()) }
    }

    async fn pass_down(&self, piece: &[u8], to: &mut OwnedWriteHalf) -> Result<(), End> {
        if self.connection.loses_answer.load(Ordering::SeqCst) {
            if self.connection.cuts.load(Ordering::SeqCst) {
                self.shared.set(Mode::Cut);
            }
            return Err(End::Client);
        }
        to.write_all(piece).await.map_err(|_| End::Both)?;
        self.shared.count_to_clients(piece.len());
        Ok(())
    }
}

async fn wait_for_another(mode: &mut watch::Receiver<Mode>, than: Mode) -> Result<(), End> {
    mode.wait_for(|it| *it != than).await.map(|_| ()).map_err(|_| End::Both)
}

/// Reads what a client sends for as long as connections are half open; it is never carried.
async fn swallow(client: &mut TcpStream, mode: &mut watch::Receiver<Mode>) -> Result<(), End> {
    let mut piece = vec![0; PIECE];
    loop {
        tokio::select! {
            _ = wait_for_another(mode, Mode::HalfOpen) => return Err(End::Both),
            read = client.read(&mut piece) => if !read.is_ok_and(|read| read > 0) {
                return Err(End::Both);
            },
        }
    }
}
