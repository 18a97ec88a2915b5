# Makes this Windows machine a managed node of AWS Systems Manager: reads the id and the code of a hybrid activation from a
# secret, downloads ssm-setup-cli, and lets it install the SSM Agent and register the machine.
#
# Run it as an administrator in PowerShell 5.1 or newer, with AWS credentials that may read the secret. It needs the AWS CLI.
#
# The code is written to no file, to no log and to no environment. While ssm-setup-cli runs, the code is among its arguments,
# where other administrators of this machine may see it (and the event log, if it records command lines): it can't be given in
# another way.
#
# https://docs.aws.amazon.com/systems-manager/latest/userguide/hybrid-multicloud-ssm-agent-install-windows.html

[CmdletBinding()]
param()

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
# A trace would show the code, and the progress of a download would slow it down.
Set-PSDebug -Off
$ProgressPreference = 'SilentlyContinue'
# What a command ends with is looked at here.
Set-Variable -Name PSNativeCommandUseErrorActionPreference -Value $false

$region = '@REGION@'
$secretArn = '@SECRET_ARN@'
$urlSuffix = '@URL_SUFFIX@'
$folder = $null

try {
    $identity = [Security.Principal.WindowsPrincipal][Security.Principal.WindowsIdentity]::GetCurrent()
    if (-not $identity.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
        throw 'must be run as an administrator'
    }
    if ($null -eq (Get-Command -Name 'aws' -CommandType Application -ErrorAction SilentlyContinue)) {
        throw 'needs the command aws, which is not on the PATH'
    }
    if ($env:PROCESSOR_ARCHITECTURE -ne 'AMD64') {
        throw "needs an x86-64 machine and a 64-bit PowerShell, this is $($env:PROCESSOR_ARCHITECTURE)"
    }
    $registration = Join-Path -Path $env:ProgramData -ChildPath 'Amazon\SSM\InstanceData\registration'
    if (Test-Path -LiteralPath $registration) {
        throw "this machine is registered already, says ${registration}: deregister it first, or leave it as it is"
    }

    $answer = & aws secretsmanager get-secret-value --region $region --secret-id $secretArn --query SecretString --output text
    if ($LASTEXITCODE -ne 0) {
        throw "could not read the secret $secretArn"
    }
    # The error of a text that is no JSON may show some of it.
    try {
        $activation = $answer | Out-String | ConvertFrom-Json
        $names = @($activation.PSObject.Properties | ForEach-Object -MemberName Name)
    }
    catch {
        $names = @()
    }
    foreach ($name in 'ActivationId', 'ActivationCode', 'ExpirationDate') {
        if ($names -notcontains $name) {
            throw "there is no activation in the secret ${secretArn}: its first rotation has not ended, or has failed"
        }
    }
    # PowerShell 7 reads a time as such, 5.1 as text.
    $expiration = ([DateTime]$activation.ExpirationDate).ToUniversalTime()
    if ($expiration -le [DateTime]::UtcNow) {
        $when = $expiration.ToString('u')
        throw "the activation $($activation.ActivationId) expired at $when, and no rotation has made a new one"
    }
    # PowerShell 5.1 gives others to a command otherwise than they are. Systems Manager has been seen to make none of them.
    if ($activation.ActivationCode -notmatch '\A[!#-\[\]-~]+\z') {
        throw "the code of the activation $($activation.ActivationId) has a character that no command can be given"
    }

    $folder = Join-Path -Path ([IO.Path]::GetTempPath()) -ChildPath ([Guid]::NewGuid().ToString())
    $null = New-Item -ItemType Directory -Path $folder
    $setup = Join-Path -Path $folder -ChildPath 'ssm-setup-cli.exe'
    $url = "https://amazon-ssm-$region.s3.$region.$urlSuffix/latest/windows_amd64/ssm-setup-cli.exe"
    [Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12
    try {
        Invoke-WebRequest -UseBasicParsing -Uri $url -OutFile $setup
    }
    catch {
        throw "could not download ${url}: $($_.Exception.Message)"
    }
    # As AWS's own script verifies it: the signature is whole, and it is Amazon's.
    $signature = Get-AuthenticodeSignature -LiteralPath $setup
    if ($signature.Status -ne 'Valid' -or $signature.SignerCertificate.Subject -notlike '*Amazon.com Services LLC*') {
        throw "the signature of $url is not a valid one of Amazon.com Services LLC"
    }

    & $setup -register "-activation-code=$($activation.ActivationCode)" "-activation-id=$($activation.ActivationId)" "-region=$region"
    if ($LASTEXITCODE -ne 0) {
        throw "ssm-setup-cli could not register this machine with the activation $($activation.ActivationId)"
    }
    if (-not (Test-Path -LiteralPath $registration)) {
        throw "ssm-setup-cli ended well, but there is no $registration"
    }
    Write-Output -InputObject "register_windows: registered with the activation $($activation.ActivationId) in $region"
}
catch {
    [Console]::Error.WriteLine("register_windows: $($_.Exception.Message)")
    exit 1
}
finally {
    if ($null -ne $folder -and (Test-Path -LiteralPath $folder)) {
        Remove-Item -LiteralPath $folder -Recurse -Force
    }
}
