"""The Hugging Face Hub: the only room that imports huggingface_hub. No token is ever logged, stored or told."""

from pixelart.hub.client import own_token as own_token
from pixelart.hub.client import plain_failures as plain_failures
from pixelart.hub.client import sign_in as sign_in
from pixelart.hub.datasets import fetch_dataset as fetch_dataset
from pixelart.hub.files import SPACE as SPACE
from pixelart.hub.names import check_repo_id as check_repo_id
from pixelart.hub.names import local_name as local_name
from pixelart.hub.pulling import Pulled as Pulled
from pixelart.hub.pulling import commit_of as commit_of
from pixelart.hub.pulling import obtain as obtain
from pixelart.hub.pulling import pull as pull
from pixelart.hub.pushing import NOTHING as NOTHING
from pixelart.hub.pushing import Pushed as Pushed
from pixelart.hub.pushing import Stage as Stage
from pixelart.hub.pushing import push as push
from pixelart.hub.pushing import told as told
