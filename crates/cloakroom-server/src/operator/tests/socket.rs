use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::config::Strategy;
use crate::operator::client::Operator;
use crate::operator::socket::{self, Claim, Door, serve};

/// A served socket.
struct Served {
    path: PathBuf,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

async fn bind(app: &App) -> anyhow::Result<(Door, Claim)> {
    let claim = socket::claim(&app.config.server.data)?;
    Ok((socket::bind(app, &claim).await?, claim))
}

async fn served(scene: &Scene) -> Served {
    let (door, claim) = bind(&scene.app).await.unwrap();
    let (stop, stopped) = oneshot::channel();
    let app = scene.app.clone();
    let task = tokio::spawn(async move {
        let _claim = claim;
        serve(door, app, async { drop(stopped.await) }).await;
    });
    Served { path: scene.app.config.server.data.join("admin.sock"), stop, task }
}

impl Served {
    /// What comes back for `lines` until the server closes the connection.
    async fn exchange(&self, lines: &[u8]) -> String {
        let mut stream = UnixStream::connect(&self.path).await.unwrap();
        stream.write_all(lines).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap();
    }
}

#[tokio::test]
async fn orders_are_answered_in_turn_on_one_connection() {
    let scene = Scene::new().await;
    let served = served(&scene).await;
    let answer = served.exchange(b"{\"order\":\"ping\"}\n{\"order\":\"user_list\"}\n").await;
    let replies: Vec<Reply> =
        answer.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(matches!(replies[..], [Reply::Pong { .. }, Reply::People { .. }]), "{replies:?}");
    served.stop().await;
}

#[tokio::test]
async fn what_is_no_order_is_answered_with_why() {
    let scene = Scene::new().await;
    let served = served(&scene).await;
    for nonsense in [&b"hello\n"[..], b"{\"order\":\"dance\"}\n", b"\xff\xfe\n"] {
        let answer = served.exchange(nonsense).await;
        assert!(answer.contains("does not know this order"), "{answer}");
    }
    assert_eq!(served.exchange(b"").await, "");
    served.stop().await;
}

#[tokio::test]
async fn an_order_without_end_is_cut_off() {
    let scene = Scene::new().await;
    let served = served(&scene).await;
    let mut stream = UnixStream::connect(&served.path).await.unwrap();
    stream.write_all(&vec![b'x'; 64 * 1024 + 1]).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("longer than 65536 bytes"), "{answer}");
    served.stop().await;
}

#[tokio::test]
async fn only_its_owner_can_reach_the_socket_and_it_goes_with_the_server() {
    let scene = Scene::new().await;
    let served = served(&scene).await;
    let path = served.path.clone();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let data = fs::metadata(path.parent().unwrap()).unwrap();
    assert_eq!(data.permissions().mode() & 0o777, 0o700);
    served.stop().await;
    assert!(!path.exists());
}

#[tokio::test]
async fn a_second_server_on_the_directory_is_refused_and_the_first_one_goes_on() {
    let scene = Scene::new().await;
    let served = served(&scene).await;
    let refused = bind(&scene.app).await.unwrap_err().to_string();
    assert!(refused.contains("another server is running on the data directory"), "{refused}");
    assert!(served.exchange(b"{\"order\":\"ping\"}\n").await.contains("pong"));
    served.stop().await;
    bind(&scene.app).await.unwrap();
}

#[tokio::test]
async fn the_socket_of_a_dead_server_is_replaced_and_nothing_else_is() {
    let scene = Scene::new().await;
    let path = scene.app.config.server.data.join("admin.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let served = served(&scene).await;
    assert!(served.exchange(b"{\"order\":\"ping\"}\n").await.contains("pong"));
    served.stop().await;
    fs::write(&path, "precious").unwrap();
    let refused = format!("{:#}", bind(&scene.app).await.unwrap_err());
    assert!(refused.contains("no socket is in its place"), "{refused}");
    assert_eq!(fs::read(&path).unwrap(), b"precious");
}

#[tokio::test]
async fn a_connection_that_says_nothing_does_not_hold_up_the_end() {
    let scene = Scene::new().await;
    let served = served(&scene).await;
    let _silent = UnixStream::connect(&served.path).await.unwrap();
    assert!(served.exchange(b"{\"order\":\"ping\"}\n").await.contains("pong"));
    served.stop().await;
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_leaves_the_database_to_the_commands() {
    let scene = Scene::with(|config| {
        config.server.data = config.server.data.join("d".repeat(110));
    })
    .await;
    let (door, _claim) = bind(&scene.app).await.unwrap();
    let operator = Operator::find(scene.app.config.clone()).await.unwrap();
    assert!(matches!(operator, Operator::Direct(_)));
    assert!(bind(&scene.app).await.is_err());
    serve(door, scene.app.clone(), std::future::ready(())).await;
}

#[tokio::test]
async fn a_command_finds_the_server_while_it_runs_and_the_database_when_not() {
    let scene = Scene::new().await;
    let served = served(&scene).await;
    let server = Operator::find(scene.app.config.clone()).await.unwrap();
    assert!(matches!(server, Operator::Server(_)));
    assert!(matches!(server.order(Order::Ping).await, Ok(Reply::Pong { .. })));
    served.stop().await;
    let gone = format!("{:#}", server.order(Order::Ping).await.unwrap_err());
    assert!(gone.contains("the server went away"), "{gone}");
    let direct = Operator::find(scene.app.config.clone()).await.unwrap();
    assert!(matches!(direct, Operator::Direct(_)));
    assert!(matches!(direct.order(Order::Ping).await, Ok(Reply::Pong { .. })));
}

#[tokio::test]
async fn what_sessions_in_memory_left_is_for_the_next_server_and_no_command_takes_it() {
    let scene = Scene::with(|config| config.server.strategy = Strategy::Memory).await;
    scene.add("bob").await;
    let id = scene.log_in("bob").await;
    scene.app.close().await.unwrap();
    let config = scene.app.config.clone();
    let refused = Operator::find(config.clone()).await.unwrap_err().to_string();
    assert!(refused.contains("cloakroom serve --data"), "{refused}");
    let next = Scene { app: App::open(config).await.unwrap(), _dir: TempDir::new("operator") };
    assert!(next.is_live(id).await);
}

#[tokio::test]
async fn a_directory_is_claimed_before_anything_in_it_is_opened() {
    let dir = TempDir::new("operator");
    let data = dir.join("data");
    let claim = socket::claim(&data).unwrap();
    let refused = socket::claim(&data).unwrap_err().to_string();
    assert!(refused.contains("another server is running"), "{refused}");
    assert_eq!(fs::read_dir(&data).unwrap().count(), 1, "nothing but the lock is there");
    drop(claim);
    socket::claim(&data).unwrap();
}
