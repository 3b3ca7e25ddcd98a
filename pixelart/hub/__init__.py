"""The Hugging Face Hub: the only package that imports huggingface_hub. Tokens are never logged, stored or shown."""

from pixelart.hub.client import local_token as local_token
from pixelart.hub.client import sign_in as sign_in
from pixelart.hub.client import translate_errors as translate_errors
from pixelart.hub.datasets import fetch_dataset as fetch_dataset
from pixelart.hub.pull import Pulled as Pulled
from pixelart.hub.pull import commit_of as commit_of
from pixelart.hub.pull import pull_checkpoint as pull_checkpoint
from pixelart.hub.pull import pull_if_missing as pull_if_missing
from pixelart.hub.push import NOTHING_PUSHED as NOTHING_PUSHED
from pixelart.hub.push import Pushed as Pushed
from pixelart.hub.push import Stage as Stage
from pixelart.hub.push import push_files as push_files
from pixelart.hub.push import with_outcome as with_outcome
from pixelart.hub.repo_files import SPACE as SPACE
from pixelart.hub.repo_id import check_repo_id as check_repo_id
from pixelart.hub.repo_id import local_name as local_name
from pixelart.hub.unpack import MAX_ARCHIVE_BYTES as MAX_ARCHIVE_BYTES
from pixelart.hub.unpack import unpack_checkpoint as unpack_checkpoint
